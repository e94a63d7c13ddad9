/** The recorded cases that the sandbox does not repeat, each with its reason. Every other one is replayed and must agree. */

const SCORE_API =
  'put to the score API itself, which the sandbox does not play: it plays what hub and sequencer make of it';

export const EXCEPTIONS: Readonly<Record<string, string>> = {
  'real-score-api-429': SCORE_API,
  'real-score-api-get-vp-11-strategies': SCORE_API,
  'real-score-api-get-vp-unknown-strategy': SCORE_API,
  'real-score-api-wrong-method': SCORE_API,
};
