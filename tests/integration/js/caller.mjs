// Makes calls with grpc-js as it is told on standard input, and tells how they ended: see peers.py, which says what a
// line of JSON is in either direction. A message is bytes here, whatever it means.
import readline from 'node:readline';
import grpc from '@grpc/grpc-js';

const asTheyAre = bytes => bytes;
const isBinary = name => name.endsWith('-bin'); // then a value is base64 in JSON and bytes here

function outgoing(pairs) {
  const metadata = new grpc.Metadata();
  for (const [name, value] of pairs) {
    metadata.add(name, isBinary(name) ? Buffer.from(value, 'base64') : value);
  }
  return metadata;
}

function incoming(metadata) {
  return Object.keys(metadata.getMap())
    .sort()
    .flatMap(name => metadata.get(name).map(value => [name, isBinary(name) ? value.toString('base64') : value]));
}

// Resolves once all that are to arrive have.
function meeting(count) {
  let open;
  const met = new Promise(resolve => (open = resolve));
  return {
    met,
    arrive: () => {
      if (--count === 0) {
        open();
      }
    },
  };
}

function make(client, wanted, cancelled) {
  return new Promise(resolve => {
    const outcome = {code: 0, message: '', initial: [], trailing: [], replies: []};
    let waited = wanted.cancel_after === 0;
    const arrive = () => {
      if (!waited) {
        waited = true;
        cancelled.arrive();
      }
    };
    const call = client.makeServerStreamRequest(
      wanted.path,
      asTheyAre,
      asTheyAre,
      Buffer.from(wanted.request, 'base64'),
      outgoing(wanted.metadata),
      {deadline: Date.now() + wanted.timeout_ms}
    );
    call.on('metadata', metadata => (outcome.initial = incoming(metadata)));
    call.on('data', reply => {
      outcome.replies.push(reply.toString('base64'));
      if (!waited && outcome.replies.length === wanted.cancel_after) {
        arrive();
        void cancelled.met.then(() => call.cancel());
      }
    });
    call.on('error', () => {}); // `status` says the same, and also when all went well
    call.on('status', status => {
      arrive();
      outcome.code = status.code;
      outcome.message = status.details;
      outcome.trailing = incoming(status.metadata);
      // The replies that came before it may still be on their way to `data`.
      if (status.code === grpc.status.OK && !call.readableEnded) {
        call.on('end', () => resolve(outcome));
      } else {
        resolve(outcome);
      }
    });
  });
}

const clients = new Map();

for await (const line of readline.createInterface({input: process.stdin})) {
  const {target, options, calls} = JSON.parse(line);
  if (!clients.has(target)) {
    const all = {'grpc.max_receive_message_length': -1, 'grpc.use_local_subchannel_pool': 1, ...options};
    clients.set(target, new grpc.Client(target, grpc.credentials.createInsecure(), all));
  }
  const cancelled = meeting(calls.filter(call => call.cancel_after !== 0).length);
  const outcomes = await Promise.all(calls.map(call => make(clients.get(target), call, cancelled)));
  console.log(JSON.stringify(outcomes));
}
process.exit(0);
