// What the package shows, whichever way it is loaded.

export * from "./account.js";
export * from "./attachments.js";
export { Contacts } from "./contacts.js";
export { EvanesceError, type ErrorCode } from "./errors.js";
export {
  ContentKey, EXPIRY_LIMITS, ExpiryScheduler, allEffects, conversationIdNamed, messageIdBy, openRecord, sealRecord, type Age, type Arrival,
  type DeviceEvent, type Due, type Effects, type ExpiryEvent, type ExpiryLimits, type NewMessage, type Now, type Part,
  type PartsAdded, type Poll, type RecordWrite, type Unsent, type Visibility,
} from "./expiry.js";
export {
  Groups, HeldMessages, Invitation, unblockedByPeople, type Broadcast, type Change, type Group, type GroupChange, type GroupChanges,
  type GroupDelivered, type GroupEvent, type GroupOutgoing, type GroupPartRefusal, type GroupRole, type GroupsHeard, type InGroup,
  type Kept, type Member, type SetsTimer, type Unblocked, type Wants,
} from "./groups.js";
export type { Handle } from "./handle.js";
export * from "./limits.js";
export {
  OwnDevices, noteIn, type AddressedMessage, type FanOut, type GroupParts, type LinkMessage, type LinkOffer, type Obstacle, type PersonDelivered,
  type Recipients, type Restored, type Unreached,
} from "./own_devices.js";
export { Peer, messageTag, type Contact, type Delivered, type Encrypted, type SessionNeed } from "./peer.js";
export {
  Person, allChanges, readLinkCode, verifyDeviceList, type ContactDecision, type DeviceList, type LinkCode, type ListedDevice,
  type OwnEvent, type PartRefusal, type PeopleChanges, type PersonEvent, type Standing,
} from "./people.js";
export * from "./reports.js";
export { SafetyNumber, memberTag } from "./safety.js";
export * from "./session.js";
export {
  text, utf8, type Address, type Bytes, type Changes, type Device, type DeviceLike, type EpochStatus, type Payload, type Received,
  type SpentPrekey, type Suite,
} from "./shapes.js";
export { Stamp, type Opens, type Policy, type Setting } from "./stamp.js";
export { StorageKey, type Stored } from "./storage.js";
