# Stands in for the public image of that name.
FROM quorum-ci-base
EXPOSE 9090
ENTRYPOINT ["prometheus"]
