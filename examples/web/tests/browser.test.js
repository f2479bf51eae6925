// Pages and terminals over a real relay, in a real browser.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import * as evanesce from "evanesce";

import { encodeContent } from "../wire/content.js";
import { Malformed } from "../wire/postcard.js";
import { decodeReply, decodeRequest } from "../wire/requests.js";
import { Pages, acquainted, acquaintedWithTerminal, introduced, introducedToTerminal, noPages } from "./pages.js";
import { Script, random } from "./script.js";

const { Stamp } = evanesce;

/** Among them bodies that nobody reads. */
const answers = JSON.parse(readFileSync(resolve(import.meta.dirname, "wire.json"), "utf8"));

test("pages in a browser", { skip: noPages, timeout: 900_000 }, async (suite) => {
  const pages = await Pages.made();
  suite.after(() => pages.end());
  // Each has people of its own, so that none hangs on what another left.
  const fact = (name, work) => suite.test(name, () => pages.fact(work));

  await fact("two pages talk, and go on when one was loaded anew", async () => {
    const [alice, bob] = await introduced(pages, "alice", "bob");
    await bob.page.reload();
    await bob.isOnline();
    await bob.with("alice");
    await alice.say("one", "two", "three");
    await bob.shown("three");
    assert.deepEqual(await bob.texts(), ["hello bob", "hello alice", "one", "two", "three"]);
    await bob.say("back");
    await alice.shown("back");
  });

  await fact("a page and a terminal talk, take back and view once", async () => {
    const [carol, dan] = await introducedToTerminal(pages, "carol", "dan");
    await carol.say("from the page");
    await dan.waitFor("MESSAGE carol");
    dan.say("to carol from the terminal, with <b>marks</b> & \u202eturned");
    await carol.shown("from the terminal, with <b>marks</b> & \\u{202e}turned");

    await carol.act("from the page", "Take back for both");
    await carol.gone("from the page");
    await dan.waitFor("UNSENT carol");
    dan.say("to carol a slip");
    const slip = await dan.waitFor("QUEUED carol");
    await carol.shown("a slip");
    dan.say(`/unsend ${slip}`);
    await carol.gone("a slip");

    dan.say("/once carol for your eyes");
    await carol.page.getByRole("button", { name: "View once" }).click();
    const once = carol.page.getByRole("dialog", { name: "View once" });
    assert.equal(await once.locator(".once-text").textContent(), "for your eyes");
    await once.getByRole("button", { name: "Close" }).click();
    await carol.page.locator(".once-text").waitFor({ state: "detached" });
    assert.equal(await carol.has("for your eyes"), false);
    await carol.page.reload();
    await carol.isOnline();
    await carol.shown("hello carol");
    assert.equal(await carol.has("for your eyes"), false);
    assert.equal(await carol.page.getByRole("button", { name: "View once" }).count(), 0);
  });

  await fact("a timer that the terminal sets ends messages in both, and one that the page sets too", async () => {
    const [erin, frank] = await introducedToTerminal(pages, "erin", "frank");
    frank.say("/timer erin 2s");
    await frank.waitFor("TIMER erin 2s by us");
    await erin.page.locator(".note", { hasText: "frank set messages to disappear after 2 seconds." }).waitFor();
    await erin.sent("hello frank");
    const rows = await erin.rows();
    assert(rows > 0);
    await erin.say("soon gone");
    const fromPage = (await frank.waitFor("MESSAGE erin")).split(" ")[0];
    await frank.waitFor(`EXPIRED erin ${fromPage}`);
    await erin.gone("soon gone");
    // Longer than a page takes to store what came, however slow the machine: what has ended by then is never drawn.
    frank.say("/timer erin 10s");
    await frank.waitFor("TIMER erin 10s by us");
    frank.say("to erin gone as well");
    const fromTerminal = await frank.waitFor("QUEUED erin");
    await erin.saw("gone as well");
    await erin.gone("gone as well");
    await frank.waitFor(`EXPIRED erin ${fromTerminal}`);
    // It is not only off the screen.
    await erin.hasRows(rows);
    await erin.setTimer(/30 seconds/);
    assert.equal(await frank.waitFor("TIMER erin 30s"), "by them");
    // What was said before any timer stays.
    await erin.shown("hello frank");
  });

  await fact("what is written without a relay waits, and goes in its order once there is one", async () => {
    const [grace, heidi] = await introducedToTerminal(pages, "grace", "heidi");
    await pages.relay.kill();
    await grace.reach("offline");
    await grace.say("first", "second");
    await grace.message("second").getByRole("img", { name: "waiting" }).waitFor();
    // It is stored, and not only on the screen.
    await grace.page.reload();
    await grace.reach("offline");
    await grace.shown("second");
    await grace.say("third");
    heidi.say("to grace meanwhile");
    await heidi.waitFor("QUEUED grace");
    await pages.startRelay();
    await grace.isOnline();
    for (const text of ["first", "second", "third"]) assert.match(await heidi.waitFor("MESSAGE grace"), new RegExp(` ${text}$`));
    await grace.sent("third");
    await grace.shown("meanwhile");
  });

  await fact("a page that is loaded anew while it sends loses nothing, and sends nothing twice", async () => {
    const [ivan, judy] = await introducedToTerminal(pages, "ivan", "judy");
    const texts = Array.from({ length: 12 }, (_, number) => `number ${number}`);
    for (const [place, text] of texts.entries()) {
      await ivan.say(text);
      // At once, whatever is on its way.
      if (place % 4 === 3) await ivan.page.reload();
    }
    for (const text of texts) await ivan.sent(text);
    for (const text of texts) assert.match(await judy.waitFor("MESSAGE ivan"), new RegExp(` ${text}$`));
    // What went twice would have come before it.
    await ivan.say("all");
    assert.match(await judy.waitFor("MESSAGE ivan"), / all$/);
    assert.deepEqual((await ivan.texts()).filter((text) => text.startsWith("number")), texts);
    assert.equal(judy.lines.filter((line) => line.startsWith("MESSAGE ivan")).length, 2 + texts.length);
  });

  await fact("where connections break, and with them questions and answers, all comes once and in its order", async () => {
    let [count, broken] = [0, 0];
    // Of five a question is lost, and of the next five an answer: the relay has done then what was asked.
    const carried = (message) => {
      count += 1;
      if (count % 5 !== 0) return message;
      broken += 1;
      return undefined;
    };
    const [bert, cleo] = [await pages.personBehind(carried, "bert"), await pages.terminal("cleo")];
    await bert.writeTo("cleo");
    await bert.say("hello cleo");
    await cleo.waitFor("REQUEST bert");
    cleo.say("/accept bert");
    cleo.say("/read bert");
    await cleo.waitFor("MESSAGE bert");
    // First without waiting. How many connections that breaks hangs on the machine, so they go on until it were enough.
    const texts = [];
    while (texts.length < 6 || broken <= 5) {
      const text = `number ${texts.length}`;
      texts.push(text);
      await bert.say(text);
      cleo.say(`to bert ${text} back`);
      if (texts.length >= 6) await bert.shown(`${text} back`);
      assert(texts.length < 100, `${broken} connections were broken`);
    }
    for (const text of texts) assert.match(await cleo.waitFor("MESSAGE bert"), new RegExp(` ${text}$`));
    await bert.sent(texts.at(-1));
    await bert.say("all");
    assert.match(await cleo.waitFor("MESSAGE bert"), / all$/);
    assert.deepEqual((await bert.texts()).filter((text) => text.endsWith("back")), texts.map((text) => `${text} back`));
    assert.equal(cleo.lines.filter((line) => line.startsWith("MESSAGE bert")).length, 2 + texts.length);
  });

  await fact("a relay that alters what it delivers is believed nothing, hides nothing else, and stops no page", async () => {
    let [alters, count, altered, passed] = [false, 0, 0, () => {}];
    /** Letters, by their numbers, that came altered, and are what nobody has written. */
    const spoilt = new Set();
    // A bit of each second answer with letters: of a number, of a length, of a mark or of a message, each at its turn.
    const carried = (message, isAnswer) => {
      if (!alters || !isAnswer || message.length < 150) return message;
      count += 1;
      passed();
      if (count % 2 === 0) return message;
      const changed = Buffer.from(message);
      const place = [3, 70, 90, 200, changed.length - 60, changed.length - 1][altered % 6];
      changed[place] ^= 1 << altered % 8;
      altered += 1;
      const [letters, changedLetters] = [message, changed].map(lettersIn);
      // What is no answer at all is asked for again.
      changedLetters?.forEach((letter, place) => isDeepStrictEqual(letter, letters[place]) || spoilt.add(letters[place].number));
      return changed;
    };
    const [inga, jon] = [await pages.personBehind(carried, "inga"), await pages.terminal("jon")];
    await inga.writeTo("jon");
    await inga.say("hello jon");
    await jon.waitFor("REQUEST inga");
    jon.say("/accept inga");
    jon.say("/read inga");
    await jon.waitFor("MESSAGE inga");
    jon.say("to inga hello inga");
    await inga.shown("hello inga");
    alters = true;
    const texts = [];
    while (altered < 8 || spoilt.size === 0) {
      assert(texts.length < 100, `${altered} answers are altered, and ${spoilt.size} letters`);
      const text = `number ${texts.length}`;
      texts.push(text);
      const next = new Promise((resolve) => (passed = resolve));
      jon.say(`to inga ${text}`);
      await next;
    }
    alters = false;
    jon.say("to inga the last one");
    await inga.shown("the last one");
    // Nothing is shown that was not written, nor twice, nor in another order; and all is shown that was not altered.
    const shown = (await inga.texts()).filter((text) => text.startsWith("number"));
    assert.deepEqual(shown, texts.filter((text) => shown.includes(text)));
    assert(spoilt.size < texts.length && shown.length >= texts.length - spoilt.size, `${shown} of ${texts}, of which ${spoilt.size} were altered`);
    await inga.say("still here");
    assert.match(await jon.waitFor("MESSAGE inga"), / still here$/);
  });

  await fact("what is reported is proven to the moderators", async () => {
    const [dora, emil] = await introducedToTerminal(pages, "dora", "emil");
    emil.say("to dora something vile");
    await dora.shown("something vile");
    await dora.act("something vile", "Report");
    await dora.page.getByRole("alertdialog").getByRole("button", { name: "Report" }).click();
    await pages.relay.waitForAny((line) => line.includes(" report ") && line.includes("address=dora"));
    assert.match(await pages.reports(), /(?<!NOT )PROVEN to dora [^]*text something vile/);
  });

  await fact("a page that is invited to a group goes on, as it knows none", async () => {
    const [fay, gus] = await introducedToTerminal(pages, "fay", "gus");
    gus.say("/group fay Hiking");
    await gus.waitFor("GROUP #hiking");
    gus.say("to #hiking to all");
    gus.say("to fay to you alone");
    await fay.shown("to you alone");
    assert.deepEqual(await fay.texts(), ["hello gus", "hello fay", "to you alone"]);
    await fay.say("still here");
    assert.match(await gus.waitFor("MESSAGE fay"), / still here$/);
  });

  await fact("nothing that a peer or a stranger makes up stops a page", async () => {
    const hugo = await pages.person("hugo");
    const mallory = await Script.published(pages.url, "mallory", "hugo");
    pages.atEnd(() => mallory.relay.close());
    await mallory.say("hello hugo");
    await hugo.accept("mallory");
    await hugo.shown("hello hugo");
    const chosen = () => random(16);
    const reference = (size) => Buffer.concat([Buffer.of(1), random(64), Buffer.from(size.toString(16).padStart(16, "0"), "hex")]);
    const file = (size) => ({ kind: "file", chosen: chosen(), file: { reference: reference(size), blob: random(16), token: random(32), name: "", mediaType: "" } });
    const bodies = [
      ...answers.unreadable.map((body) => Buffer.from(body.slice(2), "hex")), random(1), random(1_000),
      ...[
        { kind: "unsend", message: random(16) }, { kind: "take_back", message: random(16), author: mallory.account.memberTag },
        { kind: "text", chosen: chosen(), text: "" }, { kind: "text", chosen: chosen(), text: "\0\u202e\ud800\ufeff" },
        file(0n), file(1n), file(2n ** 26n), file(2n ** 42n),
      ].map((content) => encodeContent(content)),
    ];
    const stamps = [
      undefined, Stamp.none().withOpens("once"), Stamp.none().withOpens("twice"), Stamp.none().withPolicy({ kind: "onClose" }),
      Stamp.none().withPolicy({ kind: "afterSend", ttl: 1_000 }), Stamp.none().withPolicy({ kind: "afterRead", ttl: (2 ** 32 - 1) * 1_000 }),
    ];
    for (const body of bodies) await mallory.send(body);
    for (const stamp of stamps) {
      await mallory.send(new Uint8Array(), stamp);
      await mallory.send(encodeContent({ kind: "text", chosen: chosen(), text: `stamped ${stamp?.encode() ?? ""}` }), stamp);
      await mallory.send(encodeContent(file(5n)), stamp);
    }
    // The same once more, and what nobody has encrypted.
    const twice = { kind: "text", chosen: chosen(), text: "twice" };
    for (const _ of "ab") await mallory.send(encodeContent(twice));
    for (const length of [0, 1, 60, 1_000, 65_536]) await mallory.relay.deposit("hugo", random(16), new Uint8Array(length).fill(length));
    const whole = mallory.peer.encrypt({ body: encodeContent({ kind: "text", chosen: chosen(), text: "cut" }) }, Date.now()).message;
    for (const cut of [whole.subarray(0, -1), whole.subarray(0, 40), Uint8Array.of(...whole, 0), whole.map((byte, place) => byte ^ Number(place === 50))]) {
      await mallory.relay.deposit("hugo", random(16), cut);
    }
    await mallory.say("that was all");
    await hugo.shown("that was all");
    assert.equal((await hugo.texts()).filter((text) => text === "twice").length, 1);
    // Nor do many who ask at once.
    for (let number = 1; number <= 7; number += 1) {
      const stranger = new Script(pages.url, `stranger${number}`, "hugo");
      await stranger.say("hello hugo");
      stranger.relay.close();
    }
    await hugo.page.getByRole("link", { name: "stranger7" }).waitFor();
    // Nor is it stopped by what is stored of it.
    await hugo.page.reload();
    await hugo.isOnline();
    await hugo.shown("that was all");
    await hugo.say("still here");
    assert.equal((await mallory.heard(({ body }) => body.length > 0)).content.text, "still here");
  });

  await fact("a tab that is killed takes nothing with it that was shown", async () => {
    const [kim, leo] = await introducedToTerminal(pages, "kim", "leo");
    await kim.say("before the crash");
    const crashed = kim.page.waitForEvent("crash");
    const devtools = await kim.page.context().newCDPSession(kim.page);
    void devtools.send("Page.crash").catch(() => {});
    await crashed;
    leo.say("to kim while you were away");
    const again = await pages.person("kim", kim.page.context());
    await again.open("leo");
    await again.shown("before the crash");
    await again.shown("while you were away");
    await again.say("after it");
    for (const text of ["before the crash", "after it"]) assert.match(await leo.waitFor("MESSAGE kim"), new RegExp(` ${text}$`));
  });

  await fact("one tab at a time has an account, and the next one takes over", async () => {
    const [mia, nora] = await introducedToTerminal(pages, "mia", "nora");
    const second = await pages.tab("mia", mia.page.context());
    await second.getByRole("heading", { name: "Open in another tab" }).waitFor();
    await mia.say("from the first");
    assert.match(await nora.waitFor("MESSAGE mia"), / from the first$/);
    await mia.page.close();
    const next = Object.assign(Object.create(Object.getPrototypeOf(mia)), { name: "mia", page: second });
    await next.isOnline();
    await next.open("nora");
    await next.say("from the second");
    assert.match(await nora.waitFor("MESSAGE mia"), / from the second$/);
  });

  await fact("a file of 20 MB goes to a terminal and back, with how far it is, also if the page is closed on its way", async () => {
    // Until the page was loaded anew the relay answers no more than so many questions: no file is too fast to be seen on its way.
    let [most, isStuck] = [Infinity, () => {}];
    const asked = { put_blob: 0, get_blob: 0 };
    const carried = (message, isAnswer) => {
      const { kind } = isAnswer ? {} : decodeRequest(new Uint8Array(message)).ask;
      if (asked[kind] === undefined) return message;
      if (asked[kind] === most) return new Promise(isStuck);
      asked[kind] += 1;
      return message;
    };
    const [tom, uma] = await acquaintedWithTerminal(await pages.personBehind(carried, "tom"), await pages.terminal("uma"), "uma");
    const bytes = unrepeated(20_000_000);
    const pieces = Math.ceil(bytes.length / 65_536);
    /** It is on its way, is seen to be, and goes on where it was when the page is loaded anew. */
    const isInterrupted = async (what, kind, begin) => {
      most = 100;
      const stuck = new Promise((resolve) => (isStuck = () => resolve()));
      await begin();
      await stuck;
      await tom.isUnderWay(what);
      // Before the page asks again: what is stuck stays so, and none of what is asked from now on is.
      [most, asked[kind]] = [Infinity, 0];
      await tom.page.reload();
    };
    writeFileSync(pages.path("large.bin"), bytes);
    await isInterrupted("Sending large.bin", "put_blob", () => tom.page.locator("#composer-file").setInputFiles(pages.path("large.bin")));
    const id = (await uma.waitFor("FILE tom")).split(" ")[0];
    await uma.waitFor(`FETCHED tom ${id}`);
    assert(asked.put_blob < pieces - 50, `${asked.put_blob} of ${pieces} pieces were put again`);
    uma.say(`/save ${id} ${pages.path("came.bin")}`);
    await uma.waitFor(`SAVED tom ${id}`);
    assert(readFileSync(pages.path("came.bin")).equals(bytes));

    await isInterrupted("Fetching came.bin", "get_blob", () => uma.say(`/send tom ${pages.path("came.bin")}`));
    const saved = await tom.saved("came.bin");
    assert(asked.get_blob < pieces - 50, `${asked.get_blob} of ${pieces} pieces were fetched again`);
    assert(readFileSync(saved).equals(bytes));
  });

  await fact("a picture is seen, and a file that calls itself a page is saved and not opened", async () => {
    const [vera, will] = await introduced(pages, "vera", "will");
    await vera.page.locator("#composer-file").setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: DOT });
    await will.page.getByRole("img", { name: "Picture dot.png" }).waitFor();
    assert.equal(await will.page.getByRole("img", { name: "Picture dot.png" }).evaluate((image) => image.decode().then(() => image.naturalWidth)), 1);
    const hostile = Buffer.from("<script>document.title = 'taken over'</script>");
    await vera.page.locator("#composer-file").setInputFiles({ name: "../\u202elmth.x.html", mimeType: "text/html", buffer: hostile });
    const saved = await will.saved("lmth.x.html");
    assert(readFileSync(saved).equals(hostile));
    assert.match(await will.page.title(), /^will/);
  });

  await fact("a terminal and a page show the same safety number", async () => {
    const [xena, yves] = await introducedToTerminal(pages, "xena", "yves");
    await xena.page.getByRole("button", { name: "Safety number" }).click();
    const dialog = xena.page.getByRole("dialog", { name: "Safety number with yves" });
    const digits = (await dialog.locator(".digits").textContent()).trim();
    // In a language that runs from right to left its groups would stand in reverse.
    await xena.page.evaluate(() => (document.documentElement.dir = "rtl"));
    const [first, second] = [dialog.locator(".digits span").first(), dialog.locator(".digits span").nth(1)];
    assert((await first.boundingBox()).x < (await second.boundingBox()).x, "from left to right");
    await xena.page.evaluate(() => (document.documentElement.dir = "ltr"));
    yves.say("/verify xena");
    const shown = await yves.waitFor("SAFETY xena");
    // That of people, which a terminal shows, is of a package that has people.
    if ("Person" in evanesce) assert.equal(digits, shown);
    await dialog.getByRole("button", { name: "They are the same" }).click();
    await xena.page.getByText("You compared the safety number").first().waitFor();
  });

  await fact("who scans the other's code is told whether it is the right one", async () => {
    const [zoe, abe] = await introduced(pages, "zoe", "abe");
    const code = await abe.code("zoe");
    const outcome = await zoe.scanned("abe", code);
    assert.match(outcome, /The codes match/);
    // Her own is none of theirs.
    assert.match(await zoe.scanned("abe", await zoe.code("abe")), /do not match|is no safety number/);
    assert.match(await zoe.scanned("abe", DOT), /no code/);
  });

  await fact("another identity stops what is sent, and what waited goes to none that it was not written for", async () => {
    const { carried, holding } = letterBox("olga");
    const [pat, olga] = await acquainted(await pages.personBehind(carried, "pat"), await pages.person("olga"));
    await pat.sent("hello olga");
    holding.begins();
    await pat.say("for the former olga");
    // Olga has lost her browser, and comes back under her name.
    await olga.page.context().close();
    await pages.free("olga");
    const again = await pages.person("olga");
    await again.writeTo("pat");
    await again.say("it is me");
    const changed = pat.page.getByRole("region", { name: "Identity changed" });
    await changed.waitFor();
    await nothingLeaves(pages, pat, "olga", holding, "rick");
    assert.equal(await pat.has("it is me"), false);
    await changed.getByRole("button", { name: "Accept the new identity" }).press("Enter");
    await pat.shown("it is me");
    // When the question goes who answered it can write.
    await pat.page.waitForFunction(() => document.activeElement.id === "composer-text");
    await pat.message("for the former olga").getByText("Not sent: it was written for the former identity.").waitFor();
    await pat.say("welcome back");
    await again.shown("welcome back");
    assert.deepEqual(await again.texts(), ["it is me", "welcome back"]);
  });

  await fact("who stays with the known identity has what waited sent to it, and hears nothing of the other one", async () => {
    const { carried, holding } = letterBox("tina");
    const [ugo, tina] = await acquaintedWithTerminal(await pages.personBehind(carried, "ugo"), await pages.terminal("tina"), "tina");
    await ugo.sent("hello tina");
    holding.begins();
    await ugo.say("for tina alone");
    const mallory = new Script(pages.url, "tina", "ugo");
    pages.atEnd(() => mallory.relay.close());
    await mallory.say("it is me");
    const changed = ugo.page.getByRole("region", { name: "Identity changed" });
    await changed.waitFor();
    await nothingLeaves(pages, ugo, "tina", holding, "vito");
    await changed.getByRole("button", { name: "Keep the known identity" }).click();
    assert.match(await tina.waitFor("MESSAGE ugo"), / for tina alone$/);
    tina.say("to ugo still the same");
    await ugo.shown("still the same");
    assert.equal(await ugo.has("it is me"), false);
  });

  await fact("who comes to a name that somebody has is told so", async () => {
    await pages.person("quinn");
    const other = await pages.tab("quinn", await pages.profile());
    await other.getByRole("heading", { name: "This name is taken" }).waitFor();
  });

  await fact("where the store is full nothing is acknowledged, and all of it is there when there is room again", async () => {
    const profile = await pages.profile();
    // What IndexedDB may take it asks once and counts from there, so it is told before it is asked.
    const tab = await profile.newPage();
    await tab.goto(`${pages.origin}/relay.json`);
    const devtools = await profile.newCDPSession(tab);
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: pages.origin, quotaSize: 1_000_000 });
    const [rosa, sam] = await introducedToTerminal(pages, "rosa", "sam", profile);
    const full = rosa.page.getByRole("heading", { name: "The page must be loaded anew" });
    let count = 0;
    while (!(await full.isVisible())) {
      count += 1;
      sam.say(`to rosa ${count} ${"x".repeat(12_000)}`);
      await rosa.page.locator("p.text", { hasText: new RegExp(`^${count} `) }).or(full).first().waitFor();
      assert(count < 200, "it is never full");
    }
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: pages.origin });
    await rosa.page.getByRole("link", { name: "Load anew" }).click();
    await rosa.isOnline();
    await rosa.page.locator("p.text", { hasText: new RegExp(`^${count} `) }).waitFor();
    // That it could not be stored it says to who looks for faults, too.
    assert(pages.faults.length > 0);
    pages.faults = pages.faults.filter((fault) => !/^rosa: .*the store did not take what was to be stored/.test(fault));
    const numbers = (await rosa.texts()).slice(2).map((text) => Number(text.split(" ")[0]));
    assert.deepEqual(numbers, Array.from({ length: count }, (_, place) => place + 1));
    await rosa.say("and now there is room");
    assert.match(await sam.waitFor("MESSAGE rosa"), / and now there is room$/);
  });
});

/** What is between a page and the relay: while it holds, what is for this name breaks its connection; and how much of that went on. */
function letterBox(name) {
  const holding = {
    isOn: false,
    left: 0,
    begins() { this.isOn = true; },
    ends() { [this.isOn, this.left] = [false, 0]; },
  };
  const carried = (message, isAnswer) => {
    const { kind, recipient } = isAnswer ? {} : decodeRequest(new Uint8Array(message)).ask;
    if (kind !== "deposit" || recipient !== name) return message;
    if (holding.isOn) return undefined;
    holding.left += 1;
    return message;
  };
  return { carried, holding };
}

/** Nothing may be written to somebody, and nothing leaves for them, while others are written to, also when the page was loaded anew. */
async function nothingLeaves(pages, person, name, holding, otherName) {
  const other = await pages.terminal(otherName);
  await person.page.reload();
  holding.ends();
  await person.with(name);
  await person.page.getByRole("region", { name: "Identity changed" }).waitFor();
  assert.equal(await person.page.getByRole("textbox").count(), 0);
  await person.writeTo(otherName);
  await person.say(`hello ${otherName}`);
  await other.waitFor(`REQUEST ${person.name}`);
  assert.equal(holding.left, 0);
  await person.open(name);
}

/** The letters in an answer: each with its number and its message. Nothing if it is no answer. */
function lettersIn(answer) {
  try {
    return decodeReply(new Uint8Array(answer)).answer.letters?.map(({ number, message }) => ({ number, message }));
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return undefined;
  }
}

/** So many bytes, in which nothing repeats. */
function unrepeated(length) {
  const bytes = Buffer.alloc(Math.ceil(length / 32) * 32);
  for (let place = 0; place < bytes.length; place += 32) createHash("sha256").update(String(place)).digest().copy(bytes, place);
  return bytes.subarray(0, length);
}

/** A picture of one pixel. */
const DOT = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
