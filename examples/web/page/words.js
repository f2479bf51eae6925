// How times, sizes and errors are said to people.

import { Cannot } from "../chat/cannot.js";

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

/** @param {number} at */
export const timeOfDay = (at) => clock.format(at);

/** @param {number} at */
export const wholeDate = (at) => whole.format(at);

/**
 * When something was, as short as may be.
 *
 * @param {number} at
 * @param {number} now
 */
export const shortTime = (at, now) => (new Date(at).toDateString() === new Date(now).toDateString() ? clock.format(at) : day.format(at));

/**
 * How long something has, as short as may be: `59s`, `5m`, `3h`, `2d`.
 *
 * @param {number} milliseconds
 */
export function left(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.ceil(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.ceil(seconds / 3_600)}h`;
  return `${Math.ceil(seconds / 86_400)}d`;
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** What is said of a failure. @param {unknown} cause */
export const told = (cause) => (cause instanceof Cannot ? cause.message : "Something went wrong. Load the page anew.");

/**
 * What turns the direction of writing round, and control characters, shown as what they are: they can make a text look like
 * another one. Lines may end.
 *
 * @param {string} text
 */
export const visible = (text) => text.replace(/[\p{Cc}\u061c\u2028-\u202e\u2066-\u2069\u200e\u200f]/gu, (character) =>
  character === "\n" || character === "\t" ? character : `\\u{${character.codePointAt(0)?.toString(16)}}`);
