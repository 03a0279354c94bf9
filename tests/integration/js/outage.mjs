// The official JavaScript client while its server stands still and after it is gone. The server is this file's own.
import {CacheClient, Configurations, CredentialProvider} from '@gomomento/sdk';
import {DefaultMomentoLoggerFactory, DefaultMomentoLoggerLevel} from '@gomomento/sdk';
import {check, expect, expectError, port, processNumber, run} from './harness.mjs';

const CACHE = 'outage';
const TIMEOUT_MS = 1000;

check('a_timeout_passes_and_the_client_works_again', async client => {
  process.kill(processNumber, 'SIGSTOP');
  expectError(await client.get(CACHE, 'k'), 'TIMEOUT_ERROR');
  process.kill(processNumber, 'SIGCONT');
  expect(await client.get(CACHE, 'k'), 'Hit');
});

await run({
  before: async () => {
    const quiet = new DefaultMomentoLoggerFactory(DefaultMomentoLoggerLevel.ERROR);
    const client = await CacheClient.create({
      configuration: Configurations.Laptop.latest(quiet).withClientTimeoutMillis(TIMEOUT_MS),
      credentialProvider: CredentialProvider.forMomentoLocal({hostname: '127.0.0.1', port}),
      defaultTtlSeconds: 60,
    });
    expect(await client.createCache(CACHE), 'Success');
    expect(await client.set(CACHE, 'k', 'v'), 'Success');
    return client;
  },
  after: async client => client.close(),
});
