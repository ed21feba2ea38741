import { expect, test } from "vitest";
import { groupPhone, maskPhone, readPhone } from "@/lib/phone";

test.each([
  ["8 (925) 123-45-67", "+79251234567", "russia_mobile"],
  ["+7 925 123 45 67", "+79251234567", "russia_mobile"],
  ["9251234567", "+79251234567", "russia_mobile"],
  ["79251234567", "+79251234567", "russia_mobile"],
  [" tel:+7\u00a0925\u2011123\u201145\u201167\u200e", "+79251234567", "russia_mobile"],
  ["8 800 555-35-35", "+78005553535", "russia_other"],
  ["84951234567", "+74951234567", "russia_other"],
  ["+77011234567", "+77011234567", "abroad"],
  ["0049 151 23456789", "+4915123456789", "abroad"],
  ["+1 (202) 555-0123", "+12025550123", "abroad"],
  ["8 925 123", null, "short"],
  ["892512345678", null, "long"],
  ["7,92512E+10", null, "letters"],
  ["", null, "empty"],
])("%j is read", (typed, e164, kind) => {
  expect(readPhone(typed)).toMatchObject({ e164, kind });
});

test("a number is masked so that it cannot be called", () => {
  expect(maskPhone("+79031234515")).toBe("+7 903 ***-**-15");
  expect(maskPhone("+4915123456789")).not.toMatch(/\d{6}/);
  expect(groupPhone("+79031234515")).toBe("+7 903 123-45-15");
});
