// Files through the package: streams, crashes, and the known answers of attachments.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formed, inPieces, isResult, light } from "./forms.js";
import { bytes, code, drawing, evanesce, fields, hex, sections } from "./replay.js";

const {
  AttachmentLayout, AttachmentOpener, AttachmentReader, AttachmentSealer, REFERENCE_LENGTH, readCheckpoint, readStream, sealStream,
} = evanesce;

const FILE = Uint8Array.from({ length: 300_000 }, (_, place) => (place * 7) >> 3);

/** Seals it in pieces: what came out, and the reference or the refusal. */
function fed(sealer, plaintext, lengths) {
  const out = [];
  try {
    for (const piece of inPieces(plaintext, lengths)) out.push(sealer.push(piece));
    const { rest, reference } = sealer.finish();
    return { out: Buffer.concat([...out, rest]), reference };
  } catch (refusal) {
    return { out: Buffer.concat(out), refusal };
  }
}

/** Opens the chunks of a blob by ranges, the last one first. */
function opened(reference, blob) {
  const layout = AttachmentLayout.ofReference(reference);
  const part = ({ start, end }) => blob.subarray(start, end);
  const opener = new AttachmentOpener(reference, part(layout.top));
  for (let page = 0; page < layout.pages; page += 1) opener.addPage(page, part(layout.page(page)));
  const out = new Uint8Array(layout.size);
  for (let chunk = layout.chunks - 1; chunk >= 0; chunk -= 1) {
    const [text, place] = [opener.open(chunk, part(layout.chunk(chunk))), layout.plaintext(chunk)];
    if (place !== undefined) out.set(text, place.start);
  }
  return out;
}

const blobs = new Map();

test("known answers of attachments", () => {
  sections("attachments.json", {
    lengths({ size, chunks, pages, blob, error }) {
      if (error !== undefined) {
        // Above 2^53 no number of JavaScript says how large it is.
        const expected = typeof size === "bigint" || size > Number.MAX_SAFE_INTEGER ? "invalid_argument" : error;
        return assert.equal(code(() => AttachmentLayout.ofSize(Number(size))), expected);
      }
      const layout = AttachmentLayout.ofSize(size);
      assert.deepEqual([layout.chunks, layout.pages, layout.blobLength], [chunks, pages, blob]);
    },
    reference({ bytes: encoded, size, blob_length, chunks, pages, top, page, chunk }) {
      const layout = AttachmentLayout.ofReference(bytes(encoded));
      assert.deepEqual([layout.size, layout.blobLength, layout.chunks, layout.pages], [size, blob_length, chunks, pages]);
      const range = ({ at, length }) => ({ start: at, end: at + length });
      assert.deepEqual(layout.top, range(top));
      for (const one of page) assert.deepEqual(layout.page(one.j), range(one));
      for (const one of chunk) assert.deepEqual(layout.chunk(one.i), range(one));
    },
    reference_refused({ bytes: encoded, error }) {
      assert.equal(code(() => AttachmentLayout.ofReference(formed(encoded))), error);
    },
    seal: light(({ name, rng, plaintext, pieces, checkpoints, blob, reference }) => {
      const file = formed(plaintext, blobs);
      let whole;
      for (const lengths of pieces) {
        const { out, reference: its, refusal } = fed(drawing(rng, () => AttachmentSealer.generate()), file, lengths);
        assert.equal(refusal, undefined);
        assert.ok(whole === undefined || whole.equals(out), "pieces make a difference");
        assert.equal(hex(its), reference);
        whole = out;
      }
      isResult(whole, blob, blobs);
      blobs.set(name, new Uint8Array(whole));
      for (const { fed: length, chunks, checkpoint, ...rest } of checkpoints) {
        fields(rest, []);
        const sealer = drawing(rng, () => AttachmentSealer.generate());
        sealer.push(file.subarray(0, length));
        assert.equal(hex(sealer.checkpoint()), checkpoint);
        const { feedFrom, outputFrom } = readCheckpoint(bytes(checkpoint));
        const resumed = fed(AttachmentSealer.resume(bytes(checkpoint)), file.subarray(feedFrom), [100_000]);
        assert.equal(hex(resumed.reference), reference);
        assert.ok(resumed.out.equals(whole.subarray(outputFrom)), `after ${chunks} chunks`);
      }
      assert.ok(Buffer.from(opened(bytes(reference), whole)).equals(file));
      const reader = new AttachmentReader(bytes(reference));
      assert.ok(Buffer.from(reader.push(whole)).equals(file));
      assert.equal(reader.finish(), file.length);
    }),
    resume: light(({ name, checkpoint, plaintext, pieces, feed_from, output_from, output, reference, checkpoints = [], error }) => {
      const [start, file] = [formed(checkpoint, blobs), formed(plaintext, blobs)];
      for (const lengths of pieces) {
        const { out, reference: its, refusal } = fed(AttachmentSealer.resume(start), file, lengths);
        if (error !== undefined) {
          assert.deepEqual([refusal.code, out.length], [error, 0]);
          continue;
        }
        assert.deepEqual(readCheckpoint(start), { feedFrom: feed_from, outputFrom: output_from });
        isResult(out, output, blobs);
        assert.equal(hex(its), reference);
        blobs.set(name, new Uint8Array(out));
      }
      for (const { fed: length, checkpoint } of checkpoints) {
        const sealer = AttachmentSealer.resume(start);
        sealer.push(file.subarray(0, length));
        isResult(sealer.checkpoint(), checkpoint, blobs);
      }
    }),
    resume_refused({ checkpoint, error }) {
      assert.equal(code(() => AttachmentSealer.resume(formed(checkpoint))), error);
    },
    ranges: light(({ reference, steps }) => {
      let opener;
      for (const step of steps) {
        fields(step, ["op", "bytes", "j", "i", "expect"]);
        const part = formed(step.bytes, blobs);
        const operations = {
          top: () => void (opener = new AttachmentOpener(bytes(reference), part)),
          page: () => opener.addPage(step.j, part),
          chunk: () => opener.open(step.i, part),
        };
        const { ok, plaintext, error } = step.expect;
        // As above: what no number says is no number of a chunk.
        const isNone = [step.i, step.j].some((number) => number > Number.MAX_SAFE_INTEGER);
        if (error !== undefined) assert.equal(code(operations[step.op]), isNone ? "invalid_argument" : error);
        else if (ok === true) operations[step.op]();
        else isResult(operations[step.op](), plaintext, blobs);
      }
    }),
    stream: light(({ reference, blob, pieces, expect }) => {
      const whole = formed(blob, blobs);
      for (const lengths of pieces) {
        const reader = new AttachmentReader(bytes(reference));
        const out = [];
        const read = () => {
          for (const piece of inPieces(whole, lengths)) out.push(reader.push(piece));
          return reader.finish();
        };
        if (expect.error === undefined) {
          read();
          assert.ok(Buffer.concat(out).equals(formed(expect.plaintext, blobs)));
        } else {
          assert.equal(code(read), expect.error);
          const provisional = Buffer.from(formed(expect.provisional, blobs));
          const came = Buffer.concat(out);
          assert.ok(provisional.subarray(0, came.length).equals(came));
        }
      }
    }),
  }, {
    // No key of a file has a call of its own; `seal` and `ranges` go through both.
    keys: "keys of a file",
    chunk: "chunks under a key by itself",
  });
});

async function collected(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

test("a file goes sealed through a stream, and comes back", async () => {
  const { stream, reference } = drawing("07".repeat(32), () => sealStream());
  const blob = await collected(ReadableStream.from(inPieces(FILE, [10_000])).pipeThrough(stream));
  const its = await reference;
  assert.equal(its.length, REFERENCE_LENGTH);
  const file = await collected(ReadableStream.from(inPieces(blob, [7_777])).pipeThrough(readStream(its)));
  assert.ok(file.equals(FILE));
  const altered = Uint8Array.from(blob);
  altered[100_000] ^= 1;
  await assert.rejects(collected(ReadableStream.from([altered]).pipeThrough(readStream(its))), { code: "altered" });
  await assert.rejects(collected(ReadableStream.from([blob.subarray(0, -1)]).pipeThrough(readStream(its))), { code: "altered" });
});

test("what covers a part of the file is what is to be fetched for it", () => {
  const sealer = drawing("08".repeat(32), () => AttachmentSealer.generate());
  const front = sealer.push(FILE);
  const { rest, reference } = sealer.finish();
  const blob = Buffer.concat([front, rest]);
  const layout = AttachmentLayout.ofReference(reference);
  const [stretch] = layout.covering(100_000, 150_000);
  assert.deepEqual(stretch.chunks, { start: 1, end: 3 });
  const opener = new AttachmentOpener(reference, blob.subarray(layout.top.start, layout.top.end));
  assert.throws(() => opener.open(1, new Uint8Array(10)), { code: "no_page" });
  opener.addPage(stretch.page, blob.subarray(stretch.pageBytes.start, stretch.pageBytes.end));
  const { start, end } = layout.chunk(1);
  assert.deepEqual(opener.open(1, blob.subarray(start, end)), FILE.slice(65_536, 131_072));
  assert.throws(() => opener.open(99, new Uint8Array(10)), { code: "no_such_chunk" });
  assert.throws(() => sealer.push(FILE), { code: "freed" });
});
