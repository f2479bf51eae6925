/** What the user wants cannot be done, and why. Nothing has changed. */
export class Cannot extends Error {
  /** @param {string} why */
  constructor(why) {
    super(why);
    this.name = "Cannot";
  }
}
