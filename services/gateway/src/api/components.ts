/** The schemas that stand by a name in the document: what is said in several places, and what a client would make a type of. */
import { SettledLater, Usage, VoteDecision } from '@quorum/shared/decision';
import { DeliveryView } from '@quorum/shared/deliveries';
import { Health } from '@quorum/shared/health';
import { DecisionsPage, RunsPage, RunSummary } from '@quorum/shared/history';
import { HoldRequest, HoldsView, HoldView } from '@quorum/shared/hold-view';
import { Outcome, VoteEnd } from '@quorum/shared/outcome';
import { SpaceOverride, UserPreferences } from '@quorum/shared/preferences';
import {
  AgentRunAccepted,
  AgentRunRequest,
  AgentRunResponse,
  AgentRunView,
  FilterMetrics,
  ProposalRanking,
} from '@quorum/shared/run';
import { RunTimings } from '@quorum/shared/run-timings';
import { VotingRequest, VotingView } from '@quorum/shared/voting';
import { WatchesView, WatchRequest, WatchView } from '@quorum/shared/watches';
import { Ballot } from '@quorum/snapshot/ballot';
import { Receipt } from '@quorum/snapshot/receipt';
import type { z } from 'zod';
import { Problem } from '../problem.ts';
import { WebhookView } from '../webhook/webhooks.ts';
import { PATCH_PREFERENCES } from './preferences.ts';
import { DeliveriesView, WebhookMade, WebhookRequest } from './webhook.ts';

/** What is answered. */
export const ANSWERED = {
  AgentRunAccepted,
  AgentRunResponse,
  AgentRunView,
  Ballot,
  DecisionsPage,
  DeliveriesView,
  DeliveryView,
  FilterMetrics,
  Health,
  HoldsView,
  HoldView,
  Outcome,
  Problem,
  ProposalRanking,
  Receipt,
  RunsPage,
  RunSummary,
  RunTimings,
  SettledLater,
  SpaceOverride,
  Usage,
  UserPreferences,
  VoteDecision,
  VoteEnd,
  VotingView,
  WatchesView,
  WatchView,
  WebhookMade,
  WebhookView,
} as const satisfies Record<string, z.ZodType>;

/** What is sent. What may be left out there is always answered, so that one schema may have two names. */
export const SENT = {
  AgentRunRequest,
  HoldRequest,
  PreferencesRequest: UserPreferences,
  PreferencesChange: PATCH_PREFERENCES.body,
  SpaceOverrideRequest: SpaceOverride,
  VotingRequest,
  WatchRequest,
  WebhookRequest,
} as const satisfies Record<string, z.ZodType>;
