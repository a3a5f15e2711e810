// Checks the types of `advice`; scripts/check-npm compiles this with `tsc --strict`.
import { readItems, type Exchange } from "exportitems";
declare const module: WebAssembly.Module, exchange: Exchange, maybe: Exchange | null;
for await (const item of readItems(module, null, { exchange })) {
  if (item.type === "item") item.advice.waitMs;
}
for await (const item of readItems(module, null, { exchange: maybe })) {
  // @ts-expect-error: without an exchange there is no advice
  if (item.type === "item") item.advice.waitMs;
}
for await (const item of readItems(module, null)) {
  // @ts-expect-error: without an exchange there is no advice
  if (item.type === "item") item.advice.waitMs;
}
