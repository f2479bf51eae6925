// Files in a conversation: how far they are, and pictures once they are whole.

import { make } from "./dom.js";
import { size } from "./words.js";

/** @typedef {import("../chat/chat.js").Chat} Chat */
/** @typedef {import("../chat/reading.js").LineView} LineView */

/** What is shown as a picture. Not SVG, which is a document. */
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** Bytes of what is shown at once: a larger picture can be saved. */
const LARGEST_PICTURE = 16 << 20;

export class FileViews {
  #chat;
  /** Addresses of pictures on the screen, by message. @type {Map<string, Promise<string | undefined>>} */
  #pictures = new Map();

  /** @param {Chat} chat */
  constructor(chat) {
    this.#chat = chat;
  }

  /**
   * @param {LineView} line
   * @returns {HTMLElement}
   */
  draw(line) {
    const { file, id, author, progress } = line;
    if (file === undefined) return make("p");
    const isPicture = file.state === "whole" && PICTURES.has(file.mediaType) && file.size <= LARGEST_PICTURE;
    const isMoving = file.state === "going" || (author === "us" && progress === "waiting" && file.done < 1);
    return make("div", { class: "file" },
      isPicture && this.#picture(id, file.name, file.mediaType),
      make("p", { class: "file-name" }, make("bdi", {}, file.name), make("span", { class: "file-size" }, size(file.size))),
      isMoving && make("progress", { max: 1, value: file.done, "aria-label": `${author === "us" ? "Sending" : "Fetching"} ${file.name}` }),
      file.state === "stopped" && author === "them" && make("p", { class: "wrong" }, `It does not come: ${file.why ?? ""}.`));
  }

  /**
   * @param {string} id
   * @param {string} name
   * @param {string} mediaType
   */
  #picture(id, name, mediaType) {
    const image = make("img", { class: "picture", alt: `Picture ${name}`, decoding: "async" });
    image.addEventListener("error", () => image.remove());
    void this.#address(id, mediaType).then((address) => {
      if (address === undefined) image.remove();
      else image.src = address;
    });
    return image;
  }

  /** @param {string} id @param {string} mediaType */
  #address(id, mediaType) {
    let address = this.#pictures.get(id);
    if (address === undefined) {
      address = this.#chat.file(id).then((bytes) =>
        // It may have gone from the screen meanwhile.
        bytes === undefined || !this.#pictures.has(id) ? undefined : URL.createObjectURL(new Blob([bytes], { type: mediaType })));
      this.#pictures.set(id, address);
    }
    return address;
  }

  /**
   * Keeps the pictures of these messages, and no other.
   *
   * @param {readonly LineView[]} lines
   */
  keep(lines) {
    const shown = new Set(lines.map(({ id }) => id));
    for (const [id, address] of this.#pictures) {
      if (shown.has(id)) continue;
      this.#pictures.delete(id);
      void address.then((it) => it !== undefined && URL.revokeObjectURL(it));
    }
  }

  /**
   * Saves a file. From then on it is the user's.
   *
   * @param {LineView} line
   */
  async save({ id, file }) {
    const bytes = await this.#chat.file(id);
    if (bytes === undefined || file === undefined) return;
    // The browser is not to open it as what its sender says that it is.
    const address = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    make("a", { href: address, download: file.name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }
}
