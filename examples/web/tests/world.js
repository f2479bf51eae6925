// A relay, terminals and what else a test needs, as processes on the loopback device with files in a temporary directory.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { resolve } from "node:path";

/** Nothing here takes nearly so long, also where many things want the machine. */
export const PATIENCE = 120_000;

const target = process.env.CARGO_TARGET_DIR ?? resolve(import.meta.dirname, "../../../target");
const chat = process.env.CHAT ?? resolve(target, "debug/chat");

/** Why there can be no test with the messenger, for `skip`; false if there can. */
export const noMessenger = existsSync(chat) ? false : `there is no ${chat}: cargo build -p chat`;

/** A process whose lines are read as they come, and which ends with its world. */
export class Process {
  lines = [];
  #child;
  #read = 0;
  #hasEnded = false;
  #heard = new EventTarget();

  constructor(command, commandArguments, env = {}) {
    this.#child = spawn(command, commandArguments, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "inherit"] });
    // To one that has ended it says nothing.
    this.#child.stdin.on("error", () => {});
    let rest = "";
    this.#child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      this.lines.push(...lines);
      this.#heard.dispatchEvent(new Event("line"));
    });
    this.ended = new Promise((ended) => this.#child.on("close", ended)).then(() => {
      this.#hasEnded = true;
      this.#heard.dispatchEvent(new Event("line"));
    });
  }

  say(line) {
    this.#child.stdin.write(`${line}\n`);
  }

  /** Waits for a line that begins so, after those waited for before; gives the rest of it. */
  async waitFor(start) {
    const place = await this.#until(() => {
      const place = this.lines.findIndex((line, place) => place >= this.#read && line.startsWith(start));
      return place < 0 ? undefined : place;
    }, start);
    this.#read = place + 1;
    return this.lines[place].slice(start.length).trim();
  }

  /** Until there is something to be found, asked again with each line. */
  async #until(find, what = "that fits") {
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.#hasEnded || Date.now() >= deadline) throw new Error(`no line ${what} came, but these:\n${this.lines.join("\n")}`);
      await new Promise((heard) => {
        const timer = setTimeout(heard, deadline - Date.now());
        this.#heard.addEventListener("line", () => { clearTimeout(timer); heard(); }, { once: true });
      });
    }
  }

  /** Waits for a line that fits, wherever it stands. */
  async waitForAny(fits) {
    await this.#until(() => this.lines.find(fits));
  }

  /** Waits until it ends by itself; all that it said. */
  async output() {
    await this.ended;
    return this.lines.join("\n");
  }

  /** SIGKILL: nothing is tidied up. */
  async kill() {
    this.#child.kill("SIGKILL");
    await this.ended;
  }
}

/** A relay, and a directory for all that is made in a test. */
export class World {
  directory = mkdtempSync(resolve(tmpdir(), "evanesce-web-chat-"));
  #processes = [];
  #ends = [];

  static async made() {
    const world = new World();
    await world.startRelay();
    return world;
  }

  /** Starts the relay, where it was before if there was one. */
  async startRelay() {
    this.relay = this.#started(["relay", "--log", "--listen", this.address ?? "127.0.0.1:0", "--store", this.path("relay.sqlite")]);
    this.address = await this.relay.waitFor("listening on");
    this.url = `ws://${this.address}`;
  }

  /** Starts somebody before a terminal, and waits until they have published. */
  async terminal(name) {
    const terminal = this.#started(
      ["as", name, "--plain", "--patience", "5", "--relay", this.address, "--store", this.path(`${name}.chat`)],
      { CHAT_PASSPHRASE: "correct horse" },
    );
    await terminal.waitFor("ONLINE");
    return terminal;
  }

  /** Gives a name free, as the relay's operator does for who has lost their store. */
  async free(name) {
    await this.#started(["relay", "--free", name, "--store", this.path("relay.sqlite")]).waitFor("freed");
  }

  /** What the relay's moderators see. */
  reports() {
    return this.#started(["relay", "--reports", "--store", this.path("relay.sqlite")]).output();
  }

  path(name) {
    return resolve(this.directory, name);
  }

  /** What else is to be done at the end. */
  atEnd(work) {
    this.#ends.push(work);
  }

  async end() {
    for (const work of this.#ends.reverse()) await work();
    for (const process of this.#processes) await process.kill();
    rmSync(this.directory, { recursive: true });
  }

  #started(commandArguments, env) {
    const process = new Process(chat, commandArguments, env);
    this.#processes.push(process);
    return process;
  }
}
