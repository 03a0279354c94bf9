// The official JavaScript SDK: MOMENTO_API_KEY and MOMENTO_ENDPOINT say where it goes and with what. Its argument is what
// to do: `work` uses a cache and a topic, `refused` expects to be turned away.
import assert from 'node:assert/strict';
import {CacheClient, Configurations, CredentialProvider, TopicClient} from '@gomomento/sdk';
import {expect, expectError} from './harness.mjs';

const CACHE = 'secure-javascript';

const credentialProvider = process.env.MOMENTO_API_KEY.includes('.')
  ? CredentialProvider.fromEnvVarV2()
  : CredentialProvider.fromEnvVar('MOMENTO_API_KEY');

async function work(client) {
  expect(await client.createCache(CACHE), 'Success');
  expect(await client.set(CACHE, 'key', 'value'), 'Success');
  assert.equal(expect(await client.get(CACHE, 'key'), 'Hit').valueString(), 'value');
  const names = expect(await client.listCaches(), 'Success').getCaches().map(cache => cache.getName());
  assert(names.includes(CACHE));
  const topics = new TopicClient({credentialProvider});
  expect(await topics.publish(CACHE, 'topic', 'message'), 'Success');
  expect(await client.deleteCache(CACHE), 'Success');
}

async function refused(client) {
  expectError(await client.createCache(CACHE), 'AUTHENTICATION_ERROR');
  expectError(await client.get(CACHE, 'key'), 'AUTHENTICATION_ERROR');
}

const client = await CacheClient.create({
  configuration: Configurations.Laptop.latest(),
  credentialProvider,
  defaultTtlSeconds: 60,
});
await {work, refused}[process.argv[2]](client);
client.close();
