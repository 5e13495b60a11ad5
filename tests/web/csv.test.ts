import assert from "node:assert/strict";
import { test } from "node:test";
import { codeFileName } from "../../static/ts/models/code_files";
import { csv } from "../../static/ts/models/csv";

test("cells are quoted as RFC 4180 says", () => {
  assert.equal(csv([["a", 'say "b"'], ["1,5", "two\nlines"], ["", " x"]]), 'a,"say ""b"""\r\n"1,5","two\nlines"\r\n," x"\r\n');
});

test("no cell becomes a formula in a spreadsheet, and numbers stay numbers", () => {
  assert.equal(csv([['=HYPERLINK("x")', "@SUM(A1)", "+A1", "-cmd|x", " =A1", "\t=A1"]]), '"\'=HYPERLINK(""x"")",\'@SUM(A1),\'+A1,\'-cmd|x,\' =A1,\'\t=A1\r\n');
  assert.equal(csv([["-5", "+49 30 1234", "-1.204,50 €", "-3 %", "-"]]), '-5,+49 30 1234,"-1.204,50 €",-3 %,-\r\n');
});

test("a block of code is saved under a name that its language knows", () => {
  assert.deepEqual(["python", "TSX", "Dockerfile", "", "../../etc", "__proto__"].map(codeFileName), ["code.py", "code.tsx", "Dockerfile", "code.txt", "code.txt", "code.txt"]);
});
