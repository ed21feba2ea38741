import { expect, test } from "vitest";
import { returnPath, takeToken } from "@/session/returnTo";

test("the token of a link leaves the address at once", () => {
  history.replaceState(null, "", "/signin?to=%2Finbox#s3cret");
  expect(takeToken()).toBe("s3cret");
  expect(location.href).not.toContain("s3cret");
  expect(location.search).toBe("?to=%2Finbox");
  expect(takeToken()).toBeNull();
});

test("the way back after the sign-in stays on this server", () => {
  expect(returnPath({ to: "/messages?q=1" })).toBe("/messages?q=1");
  for (const to of ["//evil.example", "/\\\\evil.example", "https://evil.example", null]) {
    expect(returnPath({ to })).toBe("/");
  }
});
