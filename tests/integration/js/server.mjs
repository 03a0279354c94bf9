// A cache on grpc-js, as small as tests of a client allow: see peers.py, which says what it does.
import http2 from 'node:http2';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [protos, written] = process.argv.slice(2);
const {settings, ...options} = JSON.parse(written);

// grpc-js lets nobody choose these, Node does.
const createServer = http2.createServer;
http2.createServer = chosen => createServer({...chosen, settings: {...chosen.settings, ...settings}});

const contract = grpc.loadPackageDefinition(
  loader.loadSync(['cacheclient.proto', 'cachepubsub.proto', 'controlclient.proto'], {
    includeDirs: [protos],
    keepCase: true,
    enums: String,
    defaults: true,
  })
);

const metadata = new grpc.Metadata();
metadata.add('err', 'a_cause');
metadata.add('long', 'v'.repeat(4096));
metadata.add('all-bin', Buffer.from(Array.from({length: 256}, (_, i) => i)));
metadata.add('repeated', 'one');
metadata.add('repeated', 'two');

const CROWD = 1000;
const items = new Map();
const waiting = [];
let gathered = 0;

const hit = value => ({result: 'Hit', cache_body: value});

function find({cache_key}) {
  const value = items.get(cache_key.toString('latin1'));
  return value === undefined ? {result: 'Miss'} : hit(value);
}

function mirror(call) {
  const pairs = Object.keys(call.metadata.getMap()).flatMap(name =>
    call.metadata.get(name).map(value => [name, name.endsWith('-bin') ? value.toString('base64') : value])
  );
  return hit(Buffer.from(JSON.stringify(pairs)));
}

function join(answer) {
  gathered += 1;
  waiting.push(answer);
  if (gathered >= CROWD) {
    waiting.splice(0).forEach(each => each());
  }
}

const cacheOf = call => call.metadata.get('cache').join('');
const absent = {code: grpc.status.NOT_FOUND, details: 'there is no such cache \u2603', metadata};

const unary = answer => (call, reply) => {
  if (cacheOf(call) === 'absent') {
    reply(absent);
    return;
  }
  call.sendMetadata(metadata);
  reply(null, answer(call.request), metadata);
};

const streaming = answer => call => {
  if (cacheOf(call) === 'absent') {
    call.emit('error', absent);
    return;
  }
  call.sendMetadata(metadata);
  answer(call);
};

const server = new grpc.Server({'grpc.max_receive_message_length': -1, ...options});

server.addService(contract.control_client.ScsControl.service, {
  CreateCache: unary(() => ({})),
  DeleteCache: unary(() => ({})),
});
server.addService(contract.cache_client.Scs.service, {
  Set: unary(({cache_key, cache_body}) => {
    items.set(cache_key.toString('latin1'), cache_body);
    return {result: 'Ok'};
  }),
  Get: (call, reply) => {
    const cache = cacheOf(call);
    const answer = {mirror: () => mirror(call), crowd: () => hit(Buffer.alloc(0))}[cache] ?? find;
    if (cache === 'crowd') {
      join(() => unary(answer)(call, reply));
    } else {
      unary(answer)(call, reply);
    }
  },
  GetBatch: streaming(call => {
    for (const [i, item] of call.request.items.entries()) {
      if (cacheOf(call) === 'breaking' && i === 1) {
        call.emit('error', {code: grpc.status.RESOURCE_EXHAUSTED, details: 'enough of this', metadata});
        return;
      }
      call.write(find(item));
    }
    call.end(metadata);
  }),
});
server.addService(contract.cache_client.pubsub.Pubsub.service, {
  Subscribe: streaming(call => {
    call.write({heartbeat: {}});
    for (let i = 1; i <= 100; i++) {
      call.write({item: {topic_sequence_number: i, value: {text: `message ${i}`}}});
    }
  }),
});

server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) {
    throw error;
  }
  console.log(port);
});

process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0)));
