// What is refused: one class, and a code for each thing that a caller can do about it.

/**
 * Why something is refused: the names of docs/protocol.md §12 in snake case, and those of the binding itself.
 *
 * Of the binding:
 *
 * | | |
 * |---|---|
 * | `invalid_argument` | an argument is of another type, length or range than its declaration says |
 * | `freed` | the object was freed, or used up by a call that takes it |
 * | `not_loaded` | the module is not loaded yet: await `load()` of `evanesce/manual` |
 * | `no_randomness` | there is no `crypto.getRandomValues` here, or it fails or repeats itself. Nothing has changed |
 * | `broken` | a call was cut short, by the end of the stack for instance: no call is made any more. Load the page anew, and take all from the store |
 * | `store_failed` | the store did not take what was to be stored: see `Store` |
 * | `store_in_use` | another tab has the store |
 * | `store_closed` | the store was closed, or somebody else has taken it: no call is made any more |
 * | `no_locks` | there is no `navigator.locks` here, so that a second tab could not be kept out: see `StoreOptions` |
 * | `other` | a refusal that this release of the binding has no name for |
 *
 * What the others mean, and what to do about each, stands at the calls that give them.
 */
export type ErrorCode =
  | "invalid_argument" | "freed" | "not_loaded" | "no_randomness" | "broken" | "store_failed" | "store_in_use"
  | "store_closed" | "no_locks" | "other"
  // Messages and bundles.
  | "malformed" | "unsupported" | "unknown_prekey" | "replayed" | "replay_record_full" | "other_session" | "no_session"
  | "undecryptable" | "forked" | "expired" | "duplicate" | "chain_full" | "too_large" | "waiting" | "weak_key"
  | "bad_signature" | "not_yet_valid"
  // Peers.
  | "refused" | "number_reused" | "other_address" | "address_changed" | "needs_account" | "identity_changed" | "request"
  | "own_device" | "identity_undecided" | "needs_session"
  // People with several devices.
  | "other_owner" | "older_list" | "not_named" | "not_the_owner" | "not_listed" | "unconfirmed" | "put_back" | "marked"
  | "versions_used_up" | "already_listed" | "list_full" | "other_device" | "code_expired" | "code_used" | "already_linked"
  | "not_linking" | "removed" | "list_expired" | "nobody_reached"
  // Groups.
  | "forged" | "missing_list" | "missing_roster" | "missing_chain" | "not_a_member" | "former" | "sender_at_fault"
  | "no_roster_secret" | "not_an_admin" | "outranked" | "nothing_to_change"
  // Disappearing messages.
  | "not_author" | "unknown_message" | "gone" | "not_ready" | "withheld" | "ours" | "no_head"
  // Attachments and reports.
  | "changed" | "altered" | "no_such_chunk" | "no_page" | "other_body" | "unproven"
  // What is compared, and stored.
  | "mismatch" | "wrong_kind" | "corrupt"
;

/**
 * What every call here throws where it refuses. Nothing has changed then, but of `broken` and where a store or `Groups` says otherwise.
 * Branch on `code`; `message` is for people.
 */
export class EvanesceError extends Error {
  /** Which refusal it is. */
  readonly code: ErrorCode;
  /** Of `identity_changed`: the other identity, 64 bytes. */
  readonly identity: Uint8Array | undefined;
  /** Of `missing_list`, `missing_roster`, `missing_chain`: its name and that of the sender's device, 8 bytes each. */
  readonly missing: Uint8Array | undefined;
  /** One with this code: for tests and for stores of your own. */
  constructor(
    code: ErrorCode, message: string,
    details: { identity?: Uint8Array | undefined; missing?: Uint8Array | undefined; cause?: unknown } = {},
  ) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.name = "EvanesceError";
    this.code = code;
    this.identity = details.identity;
    this.missing = details.missing;
  }

  /**
   * Whether a session that was lost can explain that a message is refused so, and a new one may help. `Peer.noteRefusal`
   * asks by itself.
   */
  get mayMeanLostSession(): boolean {
    return LOST_SESSION.has(this.code);
  }
}

const LOST_SESSION: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "forked", "number_reused", "undecryptable", "no_session", "unknown_prekey", "replayed", "replay_record_full",
]);

/** @internal */
export function invalid(message: string): EvanesceError {
  return new EvanesceError("invalid_argument", message);
}
