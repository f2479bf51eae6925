// Reports through the package: what is proven, and the known answers of reports.

import assert from "node:assert/strict";
import { test } from "node:test";

import { formed, isResult, light } from "./forms.js";
import { bytes, code, evanesce, fields, hex, sections } from "./replay.js";
import { Replay } from "./replayed_conversation.js";

const { Report, ServerKey, commitmentOf, commitmentOfEvidence } = evanesce;

const entry = ({ evidence, body, context, postmark }) =>
  ({ evidence: bytes(evidence), body: formed(body), context: formed(context), postmark: bytes(postmark) });

function report(entries) {
  let whole;
  for (const { times, ...rest } of entries) {
    for (let time = 0; time < times; time += 1) {
      if (whole === undefined) whole = Report.of(entry(rest));
      else whole.push(entry(rest));
    }
  }
  return whole;
}

test("known answers of reports", () => {
  sections("reports.json", {
    conversation({ devices, steps }) {
      const conversation = new Replay({ devices, steps });
      for (const { evidence, ...step } of steps) {
        conversation[step.op](step);
        if (evidence !== undefined) assert.equal(hex(conversation.evidence), evidence);
      }
    },
    evidence({ evidence, c2, body, context, postmark, suite, entry: encoded }) {
      assert.equal(hex(commitmentOfEvidence(bytes(evidence))), c2);
      const whole = Report.of(entry({ evidence, body, context, postmark })).encode();
      // A report is its version, how many entries, and them.
      isResult(whole.subarray(3), encoded);
      void suite;
    },
    evidence_refused({ evidence, error }) {
      assert.equal(code(() => commitmentOfEvidence(formed(evidence))), error);
    },
    entry_refused({ error, ...rest }) {
      assert.equal(code(() => Report.of(entry(rest))), error);
    },
    postmark({ server_key, message, context, c2, postmark }) {
      assert.equal(hex(commitmentOf(formed(message))), c2);
      assert.equal(hex(new ServerKey(bytes(server_key)).postmark(formed(message), formed(context))), postmark);
    },
    postmark_refused({ server_key, message, context, error }) {
      assert.equal(code(() => new ServerKey(bytes(server_key)).postmark(formed(message), formed(context))), error);
    },
    report: light(({ entries, report: encoded }) => {
      const whole = report(entries).encode();
      isResult(whole, encoded);
      const again = Report.decode(whole);
      assert.deepEqual(again.encode(), whole);
      assert.equal(again.length, entries.reduce((sum, { times }) => sum + times, 0));
    }),
    report_too_large: light(({ entries }) => assert.equal(code(() => report(entries).encode()), "too_large")),
    report_refused: light(({ report, error }) => assert.equal(code(() => Report.decode(formed(report))), error)),
    verify: light(({ server_key, report, entries }) => {
      const [whole, key] = [Report.decode(formed(report)), new ServerKey(bytes(server_key))];
      let place = 0;
      for (const { times, ...expected } of entries) {
        for (let time = 0; time < times; time += 1, place += 1) {
          if (expected.error !== undefined) {
            const refused = code(() => whole.verify(place, key));
            if (expected.error !== "rejected") assert.equal(refused, expected.error);
            continue;
          }
          fields(expected, ["suite", "k_f", "h", "m", "c2", "context", "postmark", "body", "stamp", "malformed_stamp"]);
          const proven = whole.verify(place, key);
          assert.deepEqual([proven.suite, hex(proven.commitment)], [[, "classical", "hybrid"][expected.suite], expected.c2]);
          isResult(proven.context, expected.context);
          isResult(proven.body, expected.body);
          if (proven.stamp === "malformed") assert.equal(expected.malformed_stamp, true);
          else assert.equal(hex(proven.stamp.encode()), expected.stamp);
        }
      }
      assert.equal(whole.length, place);
    }),
  }, {});
});
