// What the package shows, whichever way it is loaded.

export * from "./account.js";
export * from "./attachments.js";
export { EvanesceError, type ErrorCode } from "./errors.js";
export {
  ContentKey, EXPIRY_LIMITS, ExpiryScheduler, conversationIdNamed, messageIdBy, openRecord, sealRecord, type Age, type Arrival,
  type DeviceEvent, type Due, type Effects, type ExpiryEvent, type ExpiryLimits, type NewMessage, type Now, type Part,
  type PartsAdded, type Poll, type RecordWrite, type Unsent, type Visibility,
} from "./expiry.js";
export type { Handle } from "./handle.js";
export * from "./limits.js";
export * from "./peer.js";
export * from "./reports.js";
export * from "./safety.js";
export * from "./session.js";
export {
  text, utf8, type Address, type Bytes, type Changes, type Device, type DeviceLike, type EpochStatus, type Payload, type Received,
  type SpentPrekey, type Suite,
} from "./shapes.js";
export { Stamp, type Opens, type Policy, type Setting } from "./stamp.js";
export { StorageKey, type Stored } from "./storage.js";
