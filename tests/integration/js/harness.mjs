// Named checks for node. Run without arguments, a file of checks prints its names, a line each. Run with the
// port (and the process number) of a server, it makes the checks one after another and prints a line of JSON
// for each: its name, and what went wrong or null.
import assert from 'node:assert/strict';

const checks = new Map();
const [port, processNumber] = process.argv.slice(2).map(Number);

export {port, processNumber};

export function check(name, body) {
  assert(!checks.has(name), `two checks are named ${name}`);
  checks.set(name, body);
}

export async function run({before, after}) {
  if (port === undefined) {
    for (const name of checks.keys()) {
      console.log(name);
    }
    return;
  }
  const context = await before();
  for (const [name, body] of checks) {
    let error = null;
    try {
      await body(context);
    } catch (caught) {
      error = String(caught.stack ?? caught);
    }
    console.log(JSON.stringify({name, error}));
  }
  await after(context);
}

// The response must be of this type; an error says what it is.
export function expect(response, type) {
  assert.equal(response.type, type, String(response));
  return response;
}

export function expectError(response, code) {
  expect(response, 'Error');
  assert.equal(response.errorCode(), code, String(response));
}
