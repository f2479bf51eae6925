// What is held of an account, as types.

/**
 * How long a message of ours lives: as the conversation says, so many milliseconds after it was read, or until it was opened
 * once.
 *
 * @typedef {{ kind: "asConversation" } | { kind: "for", ttl: number } | { kind: "once" }} Life
 */

/** @typedef {"us" | "them"} Author */

/**
 * Where a message stands. Ours: it waits for the relay, the relay has it, or it will not go. Theirs: nobody has seen it, or
 * the user has.
 *
 * @typedef {"waiting" | "sent" | "failed" | "unread" | "read"} Progress
 */

/**
 * What a message of a file says of it; `wire/content.js` reads and writes it.
 *
 * @typedef {object} AttachedFile
 * @property {Uint8Array} reference What opens it, 73 bytes, as secret as the file
 * @property {Uint8Array} blob What the relay knows it by
 * @property {Uint8Array} token What the relay deletes it for
 * @property {string} name
 * @property {string} mediaType
 */

/**
 * A file as far as it is here. Its bytes are rows of their own, `pieces` of them when all of it is.
 *
 * @typedef {object} HeldFile
 * @property {string} name
 * @property {string} mediaType
 * @property {number} size
 * @property {Uint8Array} blob
 * @property {Uint8Array} token
 * @property {Uint8Array | undefined} reference Of theirs, while it comes
 * @property {number} pieces How many are here
 * @property {"going" | "whole" | "stopped"} state
 * @property {string | undefined} why Why it stopped
 */

/**
 * What a message says. `sealed` is theirs, to be opened once, under a key that the scheduler holds; `toOpen` is ours, of which
 * nothing is kept.
 *
 * @typedef {{ kind: "text", text: string } | { kind: "sealed", sealed: Uint8Array } | { kind: "toOpen" }
 *   | { kind: "file", file: HeldFile }} Body
 */

/**
 * A message of a conversation.
 *
 * @typedef {object} Message
 * @property {string} id 32 hexadecimal digits
 * @property {number} number Its place in the conversation
 * @property {string} with
 * @property {Author} author
 * @property {Uint8Array} tag Who encrypted it: nobody else takes it back
 * @property {Body} body
 * @property {Progress} progress
 * @property {number} at When it was written or came, in milliseconds
 * @property {string | undefined} why Why it will not go
 */

/**
 * What the application knows of somebody, beside the library's peer.
 *
 * @typedef {object} Contact
 * @property {string} name
 * @property {string} [verified] The identity whose safety number was compared, in hexadecimal digits
 * @property {string} [typed] What was begun to be written, and not sent
 */

/**
 * What is to be encrypted as soon as there is a session, with the stamp of the moment when it was written.
 *
 * @typedef {object} Draft
 * @property {number} number
 * @property {string} to
 * @property {string | undefined} message
 * @property {Uint8Array} body
 * @property {Uint8Array} stamp
 */

/**
 * What is to be handed to the relay, under an id by which the relay knows it again.
 *
 * @typedef {object} Parcel
 * @property {number} number
 * @property {string} to
 * @property {string | undefined} message
 * @property {Uint8Array} id
 * @property {Uint8Array} bytes
 */

/**
 * What came under another identity, to be offered again if the user agrees to that.
 *
 * @typedef {{ number: number, from: string, bytes: Uint8Array }} Parked
 */

/**
 * A file of ours on its way. Its bytes are rows, so that it goes on when the page was closed.
 *
 * @typedef {object} Upload
 * @property {number} number
 * @property {string} to
 * @property {string} message
 * @property {Uint8Array} chosen Makes the message's id, with our tag
 * @property {Uint8Array} stamp
 * @property {Uint8Array} checkpoint The library's, with the key: stored before anything of it leaves
 * @property {number} sent Bytes of the blob that the relay has
 */

/**
 * What it takes to report a message of theirs. It is as secret as the message, and goes with it.
 *
 * @typedef {object} Reportable
 * @property {string} id
 * @property {Uint8Array} body
 * @property {Uint8Array} evidence
 * @property {Mark} mark
 */

/** @typedef {{ context: Uint8Array, postmark: Uint8Array }} Mark What the relay says of a letter */

/** @typedef {{ number: number, with: string, id: Uint8Array, report: Uint8Array }} DueReport */

/** @typedef {{ number: number, blob: Uint8Array, token: Uint8Array }} Disposal A blob that nobody is to have any more */

/** @typedef {{ name: string, token: Uint8Array }} Profile Who we are to the relay */

/**
 * What happened, for the screen and for those who hear it. It is stored before anybody is told.
 *
 * @typedef {object} Notice
 * @property {"message" | "unread" | "request" | "sent" | "failed" | "expired" | "unsent" | "timer" | "identityChanged"
 *   | "identityAccepted" | "identityKept" | "missing" | "accepted" | "blocked" | "verified" | "reported" | "file"
 *   | "trouble"} kind
 * @property {string | undefined} [name]
 * @property {string | undefined} [text]
 * @property {string | undefined} [id]
 */

export {};
