// Compares converted items with what should be in them, as @kenjiuno/msgreader and rtf-stream-parser see them.
//
//     node judge.mjs DIR
//
// DIR is that of judge.py. Prints a line for each difference.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import decompress from '@kenjiuno/decompressrtf';
import reader from '@kenjiuno/msgreader';
import iconv from 'iconv-lite';
import { deEncapsulateSync } from 'rtf-stream-parser';

const MsgReader = reader.default ?? reader;
const decompressRtf = decompress.decompressRTF ?? decompress.default?.decompressRTF;
const directory = process.argv[2];
let [count, differences] = [0, 0];

function differ(name, what, expected, found) {
  if (JSON.stringify(expected) !== JSON.stringify(found)) {
    differences += 1;
    console.log(`${name}: ${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`.slice(0, 400));
  }
}

const lines = (text) => (text ?? '').replaceAll('\r\n', '\n');

for (const file of readdirSync(directory).filter((it) => it.endsWith('.msg')).sort()) {
  const name = file.slice(0, -'.msg'.length);
  const expected = JSON.parse(readFileSync(join(directory, `${name}.json`), 'utf8'));
  const bytes = readFileSync(join(directory, file));
  const message = new MsgReader(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const data = message.getFileData();
  differ(name, 'error', undefined, data.error);
  count += 1;
  // An item with the headers of its arrival has another subject, which a user has given it later.
  if (expected.subject && name !== 'received') differ(name, 'subject', expected.subject, data.subject);
  if (typeof expected.text === 'string' && data.body !== undefined) differ(name, 'text', expected.text, lines(data.body));
  for (const [key, kind] of [['to', 'to'], ['cc', 'cc'], ['bcc', 'bcc']]) {
    // It prints the number of a copy that is sent again.
    if (expected[key] && name !== 'received' && name !== 'exchange_users') {
      differ(name, key, expected[key].length, data.recipients.filter((it) => it.recipType === kind).length);
    }
  }
  for (const attachment of expected.attachments ?? []) {
    const at = data.attachments.findIndex((it) => it.fileName === attachment.name);
    if (attachment.data !== undefined && attachment.only !== 'eml' && at >= 0) {
      const found = message.getAttachment(at).content;
      differ(`${name}/${attachment.name}`, 'data', attachment.data, Buffer.from(found).toString('latin1'));
    }
  }
  if (data.compressedRtf && name !== 'rtf_alone' && name !== 'rtf_of_4_gib') {
    const rtf = Buffer.from(decompressRtf(Array.from(data.compressedRtf)));
    const found = deEncapsulateSync(rtf, { decode: iconv.decode });
    differ(name, 'RTF', expected[found.mode], found.mode === 'html' ? found.text : lines(found.text));
  }
}
console.log(`${count} items, ${differences} differences`);
process.exit(differences || !count ? 1 : 0);
