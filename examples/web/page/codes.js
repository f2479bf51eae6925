// QR codes of bytes: drawn as a picture, and read out of one.

/** Pixels of a module, and modules of the white edge that scanners need. */
const SCALE = 6, EDGE = 4;

/** Bytes of a picture that is looked at, and pixels of its longer side. */
const LARGEST = 16 << 20, LONGEST_SIDE = 1_600;

/**
 * A picture of the code that says these bytes, as its address.
 *
 * @param {Uint8Array} bytes
 * @returns {Promise<string>}
 */
export async function drawnCode(bytes) {
  const { default: qrcode } = await import("qrcode-generator");
  // A character for each byte, and not its UTF-8.
  qrcode.stringToBytes = (text) => Array.from(text, (character) => character.charCodeAt(0));
  const code = qrcode(0, "L");
  code.addData(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""), "Byte");
  code.make();
  const count = code.getModuleCount();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = (count + 2 * EDGE) * SCALE;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  // Black on white in the dark too: many scanners know nothing else.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#000";
  for (let row = 0; row < count; row += 1) {
    for (let column = 0; column < count; column += 1) {
      if (code.isDark(row, column)) context.fillRect((column + EDGE) * SCALE, (row + EDGE) * SCALE, SCALE, SCALE);
    }
  }
  return canvas.toDataURL("image/png");
}

/**
 * What the code in a picture says; absent if there is none that can be read.
 *
 * @param {Blob} picture
 * @returns {Promise<Uint8Array | undefined>}
 */
export async function scannedCode(picture) {
  if (picture.size > LARGEST) return undefined;
  const [bitmap, scan] = await Promise.all([createImageBitmap(picture).catch(() => undefined), scanner()]);
  if (bitmap === undefined) return undefined;
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(width ?? 1, height ?? 1);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  const found = scan(data, canvas.width, canvas.height);
  return found === null ? undefined : Uint8Array.from(found.binaryData);
}

/** It is a script of the older kind: in a module of a browser it leaves its function at the window. */
async function scanner() {
  /** @typedef {typeof import("jsqr").default} Scan */
  const module = /** @type {{ default?: Scan }} */ (await import("jsqr"));
  const scan = module.default ?? /** @type {{ jsQR?: Scan }} */ (/** @type {unknown} */ (globalThis)).jsQR;
  if (scan === undefined) throw new Error("jsqr is not there");
  return scan;
}
