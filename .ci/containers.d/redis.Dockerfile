# Stands in for the public image of that name.
FROM quorum-ci-base
RUN install -d -o redis -g redis /data
WORKDIR /data
VOLUME /data
EXPOSE 6379
CMD ["redis-server"]
