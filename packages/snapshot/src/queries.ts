/**
 * The GraphQL queries that we ask of the hub, as text. Limits of the hub: `first` ≤ 1,000, `skip` ≤ 5,000, `*_in` ≤ 100, depth
 * ≤ 5. `hub-answers.ts` says what must come back; a test holds both against the hub's recorded schema.
 */

const PROPOSAL_FIELDS = `
  id
  space { id }
  author
  network
  type
  privacy
  title
  body
  discussion
  choices
  plugins
  strategies { name network params }
  snapshot
  created
  start
  end
  state
  quorum
  quorumType
  scores
  scores_total
  scores_state
  votes
  flagged
  link
`;

export const SPACE = `query Space($id: String!) {
  space(id: $id) { id name network symbol admins moderators members strategies { name network params } flagged verified }
}`;

export const PROPOSAL = `query Proposal($id: String!) {
  proposal(id: $id) { ${PROPOSAL_FIELDS} }
}`;

/** A page of active proposals, newest first; `createdLte` is the key of the page: none on it is newer. */
export const ACTIVE_PROPOSALS = `query ActiveProposals($space: String!, $first: Int!, $skip: Int!, $createdLte: Int!) {
  proposals(
    first: $first
    skip: $skip
    orderBy: "created"
    orderDirection: desc
    where: { space: $space, state: "active", created_lte: $createdLte }
  ) { ${PROPOSAL_FIELDS} }
}`;

/** Some proposals by id. A hundred is also more than the hub's 20 rows by default. */
export const PROPOSALS = `query Proposals($ids: [String]!) {
  proposals(first: 100, where: { id_in: $ids }) { ${PROPOSAL_FIELDS} }
}`;

/** A page of a voter's votes in a space, newest first, paged as the active proposals are. */
export const SPACE_VOTES = `query SpaceVotes(
  $voter: String!
  $space: String!
  $since: Int!
  $first: Int!
  $skip: Int!
  $createdLte: Int!
) {
  votes(
    first: $first
    skip: $skip
    orderBy: "created"
    orderDirection: desc
    where: { voter: $voter, space: $space, created_gte: $since, created_lte: $createdLte }
  ) { id voter created space { id } proposal { id } }
}`;

export const VOTES = `query Votes($voter: String!, $proposals: [String]!) {
  votes(first: 1000, where: { voter: $voter, proposal_in: $proposals }) {
    id
    ipfs
    voter
    created
    choice
    reason
    app
    metadata
    vp
    proposal { id }
  }
}`;

/** Without `proposal` by the strategies of the space, as a new proposal would count it. */
export const VOTING_POWER = `query VotingPower($voter: String!, $space: String!, $proposal: String) {
  vp(voter: $voter, space: $space, proposal: $proposal) { vp }
}`;

/** Every strategy that there is. `override`: a vote under it takes power back from a delegate. */
export const STRATEGIES = `query Strategies {
  strategies { id override }
}`;

export const ALIAS = `query Alias($address: String!, $alias: String!) {
  aliases(first: 1, orderBy: "created", orderDirection: desc, where: { address: $address, alias: $alias }) {
    address
    alias
    created
  }
}`;

export const ROLES = `query Roles($address: String!) {
  roles(where: { address: $address }) { space permissions }
}`;

/** A look-up by primary key, of what there is not: only a hub that reaches its database can say so. */
export const PING = `query Ping { proposal(id: "0x0") { id } }`;
