// Files of any size, sealed for a store that nobody trusts.

import { EMPTY, bytes, count, exactly, needsModule } from "./checks.js";
import { Handle, held, spent, wrap } from "./handle.js";
import { MOST_DRAWN_AT_ONCE, drawing } from "./host.js";
import type { Bytes } from "./shapes.js";
import { read } from "./values.js";
import * as module from "./wasm.js";

/** Bytes from `start` to before `end`, or things so numbered. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A stretch of a blob: what to fetch, and in which order. */
export interface BlobStretch {
  /** The page that lists the chunks. */
  readonly page: number;
  /** Where it stands in the blob. */
  readonly pageBytes: Range;
  /** The chunks. */
  readonly chunks: Range;
  /** Where they stand in the blob, one behind the other. */
  readonly chunkBytes: Range;
}

/** Bytes of a reference: what a message says of an attachment. As secret as the file. */
export const REFERENCE_LENGTH = 73;

/** Bytes of a chunk of plaintext, and of a sealed one. */
export const CHUNK_LENGTH = 65_536, SEALED_CHUNK_LENGTH = 65_552;

/** What is passed to the module at once, so that its memory stays small. */
const PIECE = 1_048_576;

function* pieces(piece: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < piece.length; start += PIECE) yield piece.subarray(start, start + PIECE);
}

function all(parts: Bytes[]): Bytes {
  if (parts.length === 1) return parts[0] as Bytes;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

/** Seals a file front to back. Key and file determine every byte. A key is for one upload of one file. */
export class AttachmentSealer extends Handle {
  /** With a new key. */
  static generate(): AttachmentSealer {
    return new AttachmentSealer(wrap(() => drawing(MOST_DRAWN_AT_ONCE, () => module.RawSealer.generate())));
  }

  /**
   * Goes on with an upload: feed it the file from `readCheckpoint(…).feedFrom` on; what comes stands in the blob from
   * `outputFrom` on.
   *
   * @throws `malformed`, `unsupported`
   */
  static resume(checkpoint: Uint8Array): AttachmentSealer {
    const checked = bytes(checkpoint, "checkpoint");
    return new AttachmentSealer(wrap(() => module.RawSealer.resume(checked)));
  }

  /**
   * Takes a piece of the file, of any size, and gives what is sealed by it: append that to the blob.
   *
   * @throws `too_large` above 4 TiB; `changed` if an upload that was resumed has another file
   */
  push(piece: Uint8Array): Bytes {
    const raw = rawAttachmentSealer(this);
    return all([...pieces(bytes(piece, "piece", Infinity))].map((part) => raw.push(part)));
  }

  /**
   * How far the upload has come, to be stored once all that was given out is stored for good. As secret as the file.
   *
   * @throws what `push` threw
   */
  checkpoint(): Bytes {
    return rawAttachmentSealer(this).checkpoint();
  }

  /**
   * Ends the file: the last of the blob, and the reference for the message. The sealer is used up.
   *
   * @throws `too_large`, `changed`
   */
  finish(): { readonly rest: Bytes; readonly reference: Bytes } {
    const raw = rawAttachmentSealer(this);
    raw.finish();
    spent(this, AttachmentSealer);
    const parts: Bytes[] = [];
    for (let part = raw.next_piece(); part !== undefined; part = raw.next_piece()) parts.push(part);
    const reference = raw.reference();
    raw.free();
    return { rest: all(parts), reference };
  }
}

/** Reads a blob front to back. **All that it gives is provisional until `finish`**: nobody sees it before. */
export class AttachmentReader extends Handle {
  /** @throws `malformed`, `unsupported` */
  constructor(reference: Uint8Array) {
    const checked = bytes(reference, "reference");
    super(wrap(() => module.RawReader.of(checked)));
  }

  /**
   * Takes a piece of the blob, and gives what opens by it.
   *
   * @throws `altered`, `malformed`: delete what was read
   */
  push(piece: Uint8Array): Bytes {
    const raw = held<module.RawReader>(this, AttachmentReader);
    return all([...pieces(bytes(piece, "piece", Infinity))].map((part) => raw.push(part)));
  }

  /**
   * Ends the blob: from here on what was read counts. The size of the file. The reader is used up.
   *
   * @throws `altered`, `malformed`: delete what was read
   */
  finish(): number {
    return spent<module.RawReader>(this, AttachmentReader).finish();
  }
}

/** Opens a blob by ranges, in any order. All that opens is final. */
export class AttachmentOpener extends Handle {
  /**
   * Takes the top of the blob, `AttachmentLayout.top`.
   *
   * @throws `altered`, `malformed`, `unsupported`
   */
  constructor(reference: Uint8Array, top: Uint8Array) {
    const checked = [bytes(reference, "reference"), bytes(top, "top")] as const;
    super(wrap(() => module.RawOpener.of(...checked)));
  }

  /** @throws `altered`, `no_such_chunk`, `no_page` */
  addPage(number: number, page: Uint8Array): void {
    rawAttachmentOpener(this).add_page(whole(number, "number"), bytes(page, "page"));
  }

  removePage(number: number): void {
    rawAttachmentOpener(this).remove_page(whole(number, "number"));
  }

  /** @throws `altered`, `undecryptable`, `malformed`, `no_such_chunk`, `no_page` */
  open(chunk: number, sealed: Uint8Array): Bytes {
    return rawAttachmentOpener(this).open(whole(chunk, "chunk"), bytes(sealed, "sealed"));
  }
}

/** Where everything stands in a blob. */
export class AttachmentLayout extends Handle {
  /** @throws `malformed`, `unsupported` */
  static ofReference(reference: Uint8Array): AttachmentLayout {
    const checked = bytes(reference, "reference");
    return new AttachmentLayout(wrap(() => module.RawLayout.of_reference(checked)));
  }

  /** @throws `too_large` above 4 TiB */
  static ofSize(size: number): AttachmentLayout {
    const checked = whole(size, "size");
    return new AttachmentLayout(wrap(() => module.RawLayout.of_size(checked)));
  }

  /** Bytes of the file. */
  get size(): number {
    return shownOf(this).size;
  }

  /** How many chunks there are, those of padding among them. */
  get chunks(): number {
    return shownOf(this).chunks;
  }

  get pages(): number {
    return shownOf(this).pages;
  }

  /** Bytes of the blob. */
  get blobLength(): number {
    return shownOf(this).blobLength;
  }

  /** Where the top stands in the blob: fetch it first. */
  get top(): Range {
    return shownOf(this).top;
  }

  /** Where a chunk stands in the blob. */
  chunk(index: number): Range | undefined {
    return read(rawAttachmentLayout(this).chunk(whole(index, "index")));
  }

  /** Which bytes of the file it has. */
  plaintext(index: number): Range | undefined {
    return read(rawAttachmentLayout(this).plaintext(whole(index, "index")));
  }

  /** Where a page stands in the blob. */
  page(number: number): Range | undefined {
    return read(rawAttachmentLayout(this).page(whole(number, "number")));
  }

  /** Which chunks it lists. */
  listed(number: number): Range | undefined {
    return read(rawAttachmentLayout(this).listed(whole(number, "number")));
  }

  /** What to fetch for these bytes of the file, of a thousand pages at most. */
  covering(start: number, end: number): BlobStretch[] {
    return read(rawAttachmentLayout(this).covering(whole(start, "start"), whole(end, "end")));
  }
}

/**
 * From where to go on with an upload: in the file, and in the blob.
 *
 * @throws `malformed`, `unsupported`
 */
export function readCheckpoint(checkpoint: Uint8Array): { readonly feedFrom: number; readonly outputFrom: number } {
  const checked = bytes(checkpoint, "checkpoint");
  needsModule();
  return read(module.read_checkpoint(checked));
}

/** A stream that seals a file, and its reference, which comes when the stream has ended. */
export function sealStream(): { readonly stream: TransformStream<Uint8Array, Bytes>; readonly reference: Promise<Bytes> } {
  const sealer = AttachmentSealer.generate();
  let resolve: (reference: Bytes) => void, reject: (reason: unknown) => void;
  const reference = new Promise<Bytes>((...both) => ([resolve, reject] = both));
  // Who never asks for it hears of the failure from the stream.
  reference.catch(() => {});
  const stream = new TransformStream<Uint8Array, Bytes>({
    transform: (piece, controller) => give(controller, () => sealer.push(piece), (reason) => reject(reason)),
    flush: (controller) => give(controller, () => {
      const { rest, reference } = sealer.finish();
      resolve(reference);
      return rest;
    }, (reason) => reject(reason)),
    cancel: (reason: unknown) => {
      sealer.free();
      reject(reason);
    },
  } as Transformer<Uint8Array, Bytes>);
  return { stream, reference };
}

/**
 * A stream that reads a blob. **All that comes is provisional until it has ended without an error**: write it where nobody sees
 * it yet, and delete it if the stream errs as `altered` or `malformed`.
 *
 * @throws `malformed`, `unsupported` of the reference
 */
export function readStream(reference: Uint8Array): TransformStream<Uint8Array, Bytes> {
  const reader = new AttachmentReader(exactly(reference, REFERENCE_LENGTH, "reference"));
  return new TransformStream<Uint8Array, Bytes>({
    transform: (piece, controller) => give(controller, () => reader.push(piece)),
    flush: (controller) => give(controller, () => {
      reader.finish();
      return EMPTY;
    }),
    cancel: () => reader.free(),
  } as Transformer<Uint8Array, Bytes>);
}

function give(controller: TransformStreamDefaultController<Bytes>, work: () => Bytes, failed?: (reason: unknown) => void): void {
  try {
    const piece = work();
    if (piece.length > 0) controller.enqueue(piece);
  } catch (reason) {
    failed?.(reason);
    throw reason;
  }
}

function whole(value: unknown, name: string): number {
  return count(value, name, Number.MAX_SAFE_INTEGER);
}

function rawAttachmentSealer(it: unknown): module.RawSealer {
  return held(it, AttachmentSealer);
}

function rawAttachmentOpener(it: unknown): module.RawOpener {
  return held(it, AttachmentOpener);
}

function rawAttachmentLayout(it: unknown): module.RawLayout {
  return held(it, AttachmentLayout);
}

function shownOf(it: unknown): { size: number; chunks: number; pages: number; blobLength: number; top: Range } {
  return read(rawAttachmentLayout(it).shown());
}
