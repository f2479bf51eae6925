// What the relay brings, and what comes of what was asked of it: for those who carry it, and nobody else.

import * as errands from "./errands.js";
import * as fetches from "./fetches.js";
import { takeIn } from "./receiving.js";
import { reported } from "./reporting.js";
import { deposited } from "./sending.js";
import { Turns } from "./turns.js";
import * as uploads from "./uploads.js";

/** @typedef {import("./shapes.js").Mark} Mark */

export class Desk extends Turns {
  /** @param {number} number @param {Uint8Array} checkpoint @param {number} sent */
  uploadCameOn(number, checkpoint, sent) {
    return this.run((turn) => uploads.uploadCameOn(turn, number, checkpoint, sent));
  }

  /** @param {number} number @param {Uint8Array} reference */
  uploadEnded(number, reference) {
    return this.run((turn) => uploads.uploadEnded(turn, number, reference));
  }

  /** @param {number} number */
  uploadBeginsAnew(number) {
    return this.run((turn) => uploads.uploadBeginsAnew(turn, number));
  }

  /** @param {number} number @param {string} why */
  giveUp(number, why) {
    return this.run((turn) => uploads.giveUp(turn, number, why));
  }

  /** @param {string} id @param {number} first @param {Uint8Array[]} bytes */
  piecesCame(id, first, bytes) {
    return this.run((turn) => fetches.piecesCame(turn, id, first, bytes));
  }

  /** @param {string} id @param {string} why */
  stopFetch(id, why) {
    return this.run((turn) => fetches.stopFetch(turn, id, why));
  }

  /** @param {number} number */
  disposed(number) {
    return this.run((turn) => turn.put("disposal", number));
  }

  /** @param {Uint8Array} bytes @param {Mark} [mark] */
  takeIn(bytes, mark) {
    return this.run((turn) => takeIn(turn, bytes, mark));
  }

  /** @param {number} number */
  deposited(number) {
    return this.run((turn) => deposited(turn, number));
  }

  /** @param {string} name @param {Uint8Array} bytes */
  bundleCame(name, bytes) {
    return this.run((turn) => errands.bundleCame(turn, name, bytes));
  }

  /** @param {errands.Errand} errand @param {{ kind: string, seconds?: number | undefined }} refusal */
  errandRefused(errand, refusal) {
    return this.run((turn) => errands.errandRefused(turn, errand, refusal));
  }

  /** @param {Uint8Array} upload */
  published(upload) {
    return this.run((turn) => errands.published(turn, upload));
  }

  /** @param {Uint8Array} stock */
  relayHas(stock) {
    return this.run((turn) => errands.relayHas(turn, stock));
  }

  relayHasForgotten() {
    return this.run((turn) => errands.relayHasForgotten(turn));
  }

  /** @param {number} number @param {string} [refusal] */
  reported(number, refusal) {
    return this.run((turn) => reported(turn, number, refusal));
  }

  /** A piece of a file, if it is here. @param {string} id @param {number} piece @returns {Promise<Uint8Array | undefined>} */
  piece(id, piece) {
    return this.state.aside("piece", `${id}/${piece}`);
  }
}
