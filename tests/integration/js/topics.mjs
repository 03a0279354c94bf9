// The official JavaScript client's topics, unchanged, against a server that sends heartbeats often.
import assert from 'node:assert/strict';
import {
  CacheClient,
  Configurations,
  CredentialProvider,
  DefaultMomentoLoggerFactory,
  DefaultMomentoLoggerLevel,
  TopicClient,
  TopicConfigurations,
} from '@gomomento/sdk';
import {check, expect, expectError, port, run} from './harness.mjs';

const CACHE = 'javascript-topics';
const DOOMED = 'javascript-doomed';
const NO_CACHE = 'nobody-made-this';

// A subscription whose events can be awaited one after another.
class Subscriber {
  #events = [];
  #waiting = [];
  heartbeats = 0;

  static async open(topics, cache, topic) {
    const subscriber = new Subscriber();
    subscriber.subscription = expect(
      await topics.subscribe(cache, topic, {
        onItem: item => subscriber.#push(item),
        onDiscontinuity: discontinuity => subscriber.#push(discontinuity),
        onError: error => subscriber.#push(error),
        onHeartbeat: () => subscriber.heartbeats++,
      }),
      'Subscription',
    );
    return subscriber;
  }

  #push(event) {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting(event);
    } else {
      this.#events.push(event);
    }
  }

  async next() {
    return this.#events.shift() ?? (await new Promise(resolve => this.#waiting.push(resolve)));
  }

  close() {
    this.subscription.unsubscribe();
  }
}

check('text_and_bytes_come_in_order_and_numbered', async ({topics}) => {
  const subscriber = await Subscriber.open(topics, CACHE, 'order');
  const values = ['one', Uint8Array.from([0, 1, 255]), 'three'];
  for (const value of values) {
    expect(await topics.publish(CACHE, 'order', value), 'Success');
  }
  for (const [index, value] of values.entries()) {
    const item = await subscriber.next();
    assert.equal(item.sequenceNumber(), index + 1);
    assert.deepEqual(typeof value === 'string' ? item.valueString() : Uint8Array.from(item.valueUint8Array()), value);
  }
  subscriber.close();
});

check('every_subscriber_receives_every_message', async ({topics}) => {
  const subscribers = await Promise.all(Array.from({length: 20}, () => Subscriber.open(topics, CACHE, 'many')));
  const values = Array.from({length: 50}, (_, number) => `value ${number}`);
  for (const value of values) {
    expect(await topics.publish(CACHE, 'many', value), 'Success');
  }
  for (const subscriber of subscribers) {
    for (const value of values) {
      assert.equal((await subscriber.next()).valueString(), value);
    }
    subscriber.close();
  }
});

check('a_quiet_subscription_hears_heartbeats', async ({topics}) => {
  const subscriber = await Subscriber.open(topics, CACHE, 'quiet');
  while (subscriber.heartbeats < 3) {
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  subscriber.close();
});

check('a_cache_that_nobody_made_is_not_found', async ({topics}) => {
  expectError(await topics.publish(NO_CACHE, 'topic', 'v'), 'NOT_FOUND_ERROR');
  const ignore = {onItem: () => {}, onError: () => {}};
  expectError(await topics.subscribe(NO_CACHE, 'topic', ignore), 'NOT_FOUND_ERROR');
});

check('a_cache_that_is_deleted_ends_its_subscriptions', async ({topics, caches}) => {
  expect(await caches.createCache(DOOMED), 'Success');
  const subscriber = await Subscriber.open(topics, DOOMED, 'topic');
  expect(await caches.deleteCache(DOOMED), 'Success');
  expectError(await subscriber.next(), 'NOT_FOUND_ERROR');
});

await run({
  before: async () => {
    const credentialProvider = CredentialProvider.forMomentoLocal({hostname: '127.0.0.1', port});
    const quiet = new DefaultMomentoLoggerFactory(DefaultMomentoLoggerLevel.ERROR);
    const caches = await CacheClient.create({
      configuration: Configurations.Laptop.latest(quiet),
      credentialProvider,
      defaultTtlSeconds: 60,
    });
    const topics = new TopicClient({configuration: TopicConfigurations.Default.latest(quiet), credentialProvider});
    expect(await caches.createCache(CACHE), 'Success');
    return {topics, caches};
  },
  after: async ({caches}) => {
    expect(await caches.deleteCache(CACHE), 'Success');
    caches.close();
  },
});
