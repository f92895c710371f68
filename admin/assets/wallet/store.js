// Where a purse is kept: this browser's IndexedDB, which other sites cannot read. What is written is
// on the disk before anything is said of it.

const [NAME, VERSION] = ["onecode-wallet", 1];
const STRICT = { durability: "strict" };

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

export class Store {
  /** The database; made when there is none. */
  static async open() {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("purse");
      request.result.createObjectStore("payments", { keyPath: "key" });
      request.result.createObjectStore("takings", { keyPath: "id" });
    };
    return new Store(await done(request));
  }

  constructor(database) {
    this.database = database;
  }

  async look(from, key) {
    return done(this.database.transaction(from).objectStore(from).get(key));
  }

  async all(from) {
    return done(this.database.transaction(from).objectStore(from).getAll());
  }

  /**
   * Several records at once, all or none. Each is `[store, record]` or `[store, record, key]`; with
   * `fresh`, the records of that store must not be there yet.
   */
  async keep(records, fresh) {
    const names = [...new Set(records.map(([name]) => name))];
    const transaction = this.database.transaction(names, "readwrite", STRICT);
    const finished = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    for (const [name, record, key] of records) {
      const store = transaction.objectStore(name);
      if (record === undefined) store.delete(key);
      else if (name === fresh) store.add(record);
      else store.put(record, key);
    }
    await finished;
  }

  /** The promise to sign one payment: the purse moves on and the payment is there, or neither. */
  async promise(purse, payment) {
    await this.keep([["purse", purse, "purse"], ["payments", payment]], "payments");
  }
}
