// The official JavaScript client, unchanged, against our server: every method on dictionaries, sets, lists and
// sorted sets. Every check has a collection of its own in one cache.
import assert from 'node:assert/strict';
import {
  CacheClient,
  CollectionTtl,
  Configurations,
  CredentialProvider,
  DefaultMomentoLoggerFactory,
  DefaultMomentoLoggerLevel,
  ItemType,
  SortedSetAggregate,
  SortedSetOrder,
} from '@gomomento/sdk';
import {check, expect, expectError, port, run} from './harness.mjs';

const CACHE = 'javascript-collections';

async function connect() {
  return await CacheClient.create({
    configuration: Configurations.Laptop.latest(new DefaultMomentoLoggerFactory(DefaultMomentoLoggerLevel.ERROR)),
    credentialProvider: CredentialProvider.forMomentoLocal({hostname: '127.0.0.1', port}),
    defaultTtlSeconds: 60,
  });
}

function sorted(values) {
  return [...values].sort();
}

// All types

check('a_collection_that_is_not_there_is_missed', async client => {
  for (const response of [
    await client.dictionaryFetch(CACHE, 'none'),
    await client.dictionaryGetField(CACHE, 'none', 'f'),
    await client.dictionaryGetFields(CACHE, 'none', ['f', 'g']),
    await client.dictionaryLength(CACHE, 'none'),
    await client.setFetch(CACHE, 'none'),
    await client.setSample(CACHE, 'none', 1),
    await client.setPop(CACHE, 'none', 1),
    await client.setLength(CACHE, 'none'),
    await client.setContainsElement(CACHE, 'none', 'e'),
    await client.setContainsElements(CACHE, 'none', ['e']),
    await client.listFetch(CACHE, 'none'),
    await client.listLength(CACHE, 'none'),
    await client.listPopFront(CACHE, 'none'),
    await client.listPopBack(CACHE, 'none'),
    await client.sortedSetFetchByRank(CACHE, 'none'),
    await client.sortedSetFetchByScore(CACHE, 'none'),
    await client.sortedSetGetRank(CACHE, 'none', 'v'),
    await client.sortedSetGetScore(CACHE, 'none', 'v'),
    await client.sortedSetGetScores(CACHE, 'none', ['v']),
    await client.sortedSetLength(CACHE, 'none'),
    await client.sortedSetLengthByScore(CACHE, 'none'),
  ]) {
    expect(response, 'Miss');
  }
});

check('taking_from_a_collection_that_is_not_there_is_no_error', async client => {
  for (const response of [
    await client.dictionaryRemoveField(CACHE, 'none', 'f'),
    await client.dictionaryRemoveFields(CACHE, 'none', ['f']),
    await client.setRemoveElement(CACHE, 'none', 'e'),
    await client.setRemoveElements(CACHE, 'none', ['e']),
    await client.listRemoveValue(CACHE, 'none', 'v'),
    await client.listRetain(CACHE, 'none', {startIndex: 1, endIndex: 2}),
    await client.sortedSetRemoveElement(CACHE, 'none', 'v'),
    await client.sortedSetRemoveElements(CACHE, 'none', ['v']),
  ]) {
    expect(response, 'Success');
  }
});

check('a_key_of_another_type_is_refused', async client => {
  expect(await client.set(CACHE, 'text', 'v'), 'Success');
  for (const response of [
    await client.dictionarySetField(CACHE, 'text', 'f', 'v'),
    await client.dictionaryFetch(CACHE, 'text'),
    await client.setAddElement(CACHE, 'text', 'e'),
    await client.listPushBack(CACHE, 'text', 'v'),
    await client.sortedSetPutElement(CACHE, 'text', 'v', 1),
  ]) {
    expectError(response, 'FAILED_PRECONDITION_ERROR');
  }
});

check('a_collection_tells_its_type', async client => {
  expect(await client.dictionarySetField(CACHE, 'typed-dictionary', 'f', 'v'), 'Success');
  expect(await client.setAddElement(CACHE, 'typed-set', 'e'), 'Success');
  expect(await client.listPushBack(CACHE, 'typed-list', 'v'), 'Success');
  expect(await client.sortedSetPutElement(CACHE, 'typed-sorted-set', 'v', 1), 'Success');
  for (const [name, type] of [
    ['typed-dictionary', ItemType.DICTIONARY],
    ['typed-set', ItemType.SET],
    ['typed-list', ItemType.LIST],
    ['typed-sorted-set', ItemType.SORTED_SET],
  ]) {
    assert.equal(expect(await client.itemGetType(CACHE, name), 'Hit').itemType(), type);
  }
});

check('a_ttl_is_refreshed_unless_it_is_not_to_be', async client => {
  const remaining = async () => expect(await client.itemGetTtl(CACHE, 'ttl'), 'Hit').remainingTtlMillis();
  const kept = CollectionTtl.of(3600).withNoRefreshTtlOnUpdates();
  expect(await client.setAddElement(CACHE, 'ttl', 'a', {ttl: CollectionTtl.of(60)}), 'Success');
  expect(await client.setAddElement(CACHE, 'ttl', 'b', {ttl: kept}), 'Success');
  assert((await remaining()) <= 60_000);
  expect(await client.setAddElement(CACHE, 'ttl', 'c', {ttl: CollectionTtl.refreshTtlIfProvided(3600)}), 'Success');
  assert((await remaining()) > 3_500_000);
});

// Dictionaries

check('dictionary_fields_are_set_and_read', async client => {
  const name = 'dictionary';
  expect(await client.dictionarySetField(CACHE, name, 'a', '1'), 'Success');
  expect(await client.dictionarySetFields(CACHE, name, {a: '2', b: '3'}), 'Success');
  expect(await client.dictionarySetFields(CACHE, name, new Map([['c', '4']])), 'Success');
  assert.deepEqual(expect(await client.dictionaryFetch(CACHE, name), 'Hit').valueRecord(), {a: '2', b: '3', c: '4'});
  assert.equal(expect(await client.dictionaryLength(CACHE, name), 'Hit').length(), 3);
  assert.equal(expect(await client.dictionaryGetField(CACHE, name, 'b'), 'Hit').valueString(), '3');
  expect(await client.dictionaryGetField(CACHE, name, 'x'), 'Miss');
  const found = expect(await client.dictionaryGetFields(CACHE, name, ['a', 'x', 'c']), 'Hit');
  assert.deepEqual(found.valueRecord(), {a: '2', c: '4'});
});

check('dictionary_fields_are_bytes', async client => {
  const name = 'dictionary-bytes';
  const field = Uint8Array.from([0, 255]);
  const value = Uint8Array.from({length: 256}, (_, i) => i);
  expect(await client.dictionarySetField(CACHE, name, field, value), 'Success');
  const found = expect(await client.dictionaryGetField(CACHE, name, field), 'Hit').valueUint8Array();
  assert.deepEqual(Buffer.from(found), Buffer.from(value));
});

check('dictionary_fields_are_removed', async client => {
  const name = 'dictionary-removed';
  expect(await client.dictionarySetFields(CACHE, name, {a: '1', b: '2', c: '3', d: '4'}), 'Success');
  expect(await client.dictionaryRemoveField(CACHE, name, 'a'), 'Success');
  expect(await client.dictionaryRemoveFields(CACHE, name, ['b', 'x']), 'Success');
  assert.deepEqual(expect(await client.dictionaryFetch(CACHE, name), 'Hit').valueRecord(), {c: '3', d: '4'});
  expect(await client.dictionaryRemoveFields(CACHE, name, ['c', 'd']), 'Success');
  expect(await client.dictionaryFetch(CACHE, name), 'Miss');
});

check('a_dictionary_field_is_incremented', async client => {
  const name = 'dictionary-incremented';
  assert.equal(expect(await client.dictionaryIncrement(CACHE, name, 'n'), 'Success').value(), 1);
  assert.equal(expect(await client.dictionaryIncrement(CACHE, name, 'n', -43), 'Success').value(), -42);
  expect(await client.dictionarySetField(CACHE, name, 'n', 'text'), 'Success');
  expectError(await client.dictionaryIncrement(CACHE, name, 'n', 1), 'FAILED_PRECONDITION_ERROR');
});

// Sets

check('set_elements_are_added_and_read', async client => {
  const name = 'set';
  expect(await client.setAddElement(CACHE, name, 'a'), 'Success');
  expect(await client.setAddElements(CACHE, name, ['a', 'b', 'c']), 'Success');
  const fetched = expect(await client.setFetch(CACHE, name), 'Hit').valueArray();
  assert.deepEqual(sorted(fetched), ['a', 'b', 'c']);
  assert.equal(expect(await client.setLength(CACHE, name), 'Hit').length(), 3);
  assert.equal(expect(await client.setContainsElement(CACHE, name, 'b'), 'Hit').containsElement(), true);
  assert.equal(expect(await client.setContainsElement(CACHE, name, 'x'), 'Hit').containsElement(), false);
  const contains = expect(await client.setContainsElements(CACHE, name, ['x', 'a']), 'Hit').containsElements();
  assert.deepEqual(contains, {x: false, a: true});
});

check('set_elements_are_removed', async client => {
  const name = 'set-removed';
  expect(await client.setAddElements(CACHE, name, ['a', 'b', 'c', 'd']), 'Success');
  expect(await client.setRemoveElement(CACHE, name, 'a'), 'Success');
  expect(await client.setRemoveElements(CACHE, name, ['b', 'x']), 'Success');
  assert.deepEqual(sorted(expect(await client.setFetch(CACHE, name), 'Hit').valueArray()), ['c', 'd']);
  expect(await client.setRemoveElements(CACHE, name, ['c', 'd']), 'Success');
  expect(await client.setFetch(CACHE, name), 'Miss');
});

check('set_elements_are_sampled_and_popped', async client => {
  const name = 'set-popped';
  const all = ['a', 'b', 'c', 'd', 'e'];
  expect(await client.setAddElements(CACHE, name, all), 'Success');
  const sample = expect(await client.setSample(CACHE, name, 3), 'Hit').valueSet();
  assert.equal(sample.size, 3);
  const popped = expect(await client.setPop(CACHE, name, 2), 'Hit').valueArray();
  const rest = expect(await client.setFetch(CACHE, name), 'Hit').valueArray();
  assert.deepEqual(sorted([...popped, ...rest]), all);
});

// Lists

async function listOf(client, name, options) {
  return expect(await client.listFetch(CACHE, name, options), 'Hit').valueList();
}

check('list_values_are_pushed_and_popped', async client => {
  const name = 'list';
  assert.equal(expect(await client.listPushBack(CACHE, name, 'b'), 'Success').listLength(), 1);
  assert.equal(expect(await client.listPushFront(CACHE, name, 'a'), 'Success').listLength(), 2);
  assert.equal(expect(await client.listPushBack(CACHE, name, 'c'), 'Success').listLength(), 3);
  assert.deepEqual(await listOf(client, name), ['a', 'b', 'c']);
  assert.equal(expect(await client.listLength(CACHE, name), 'Hit').length(), 3);
  assert.equal(expect(await client.listPopFront(CACHE, name), 'Hit').valueString(), 'a');
  assert.equal(expect(await client.listPopBack(CACHE, name), 'Hit').valueString(), 'c');
  assert.equal(expect(await client.listPopBack(CACHE, name), 'Hit').valueString(), 'b');
  expect(await client.listPopBack(CACHE, name), 'Miss');
});

check('list_values_are_concatenated_in_order', async client => {
  const name = 'list-concatenated';
  assert.equal(expect(await client.listConcatenateBack(CACHE, name, ['c', 'd']), 'Success').listLength(), 2);
  assert.equal(expect(await client.listConcatenateFront(CACHE, name, ['a', 'b']), 'Success').listLength(), 4);
  assert.deepEqual(await listOf(client, name), ['a', 'b', 'c', 'd']);
  assert.deepEqual(await listOf(client, name, {startIndex: 1, endIndex: -1}), ['b', 'c']);
  assert.deepEqual(await listOf(client, name, {startIndex: -2}), ['c', 'd']);
});

check('a_list_is_truncated', async client => {
  const name = 'list-truncated';
  const front = {truncateFrontToSize: 2};
  const back = {truncateBackToSize: 2};
  expect(await client.listConcatenateBack(CACHE, name, ['a', 'b', 'c'], front), 'Success');
  assert.deepEqual(await listOf(client, name), ['b', 'c']);
  expect(await client.listPushBack(CACHE, name, 'd', front), 'Success');
  assert.deepEqual(await listOf(client, name), ['c', 'd']);
  expect(await client.listPushFront(CACHE, name, 'x', back), 'Success');
  assert.deepEqual(await listOf(client, name), ['x', 'c']);
  expect(await client.listConcatenateFront(CACHE, name, ['1', '2', '3'], back), 'Success');
  assert.deepEqual(await listOf(client, name), ['1', '2']);
});

check('list_values_are_removed_or_retained', async client => {
  const name = 'list-removed';
  expect(await client.listConcatenateBack(CACHE, name, ['a', 'b', 'a', 'c', 'd', 'a']), 'Success');
  expect(await client.listRemoveValue(CACHE, name, 'a'), 'Success');
  assert.deepEqual(await listOf(client, name), ['b', 'c', 'd']);
  expect(await client.listRetain(CACHE, name, {startIndex: 1, endIndex: 3}), 'Success');
  assert.deepEqual(await listOf(client, name), ['c', 'd']);
  expect(await client.listRetain(CACHE, name, {startIndex: 5}), 'Success');
  expect(await client.listFetch(CACHE, name), 'Miss');
});

// Sorted sets

async function prepareSortedSet(client, name) {
  expect(await client.sortedSetPutElement(CACHE, name, 'a', 1), 'Success');
  expect(await client.sortedSetPutElements(CACHE, name, {b: 2, c: 3, d: 4}), 'Success');
}

function valuesOf(response) {
  return expect(response, 'Hit').valueArray().map(element => element.value);
}

check('sorted_set_elements_are_fetched_by_rank', async client => {
  const name = 'sorted-set-by-rank';
  await prepareSortedSet(client, name);
  const ascending = ['a', 'b', 'c', 'd'].map((value, i) => ({value, score: i + 1}));
  const fetch = async options => await client.sortedSetFetchByRank(CACHE, name, options);
  assert.deepEqual(expect(await fetch(), 'Hit').valueArray(), ascending);
  assert.deepEqual(valuesOf(await fetch({startRank: 1, endRank: 3})), ['b', 'c']);
  assert.deepEqual(valuesOf(await fetch({startRank: -2})), ['c', 'd']);
  assert.deepEqual(valuesOf(await fetch({endRank: 2, order: SortedSetOrder.Descending})), ['d', 'c']);
  assert.deepEqual(valuesOf(await fetch({startRank: 10})), []);
  assert.equal(expect(await client.sortedSetLength(CACHE, name), 'Hit').length(), 4);
});

check('sorted_set_elements_are_fetched_by_score', async client => {
  const name = 'sorted-set-by-score';
  await prepareSortedSet(client, name);
  const fetch = async options => await client.sortedSetFetchByScore(CACHE, name, options);
  assert.deepEqual(valuesOf(await fetch()), ['a', 'b', 'c', 'd']);
  assert.deepEqual(valuesOf(await fetch({minScore: 2, maxScore: 3})), ['b', 'c']);
  assert.deepEqual(valuesOf(await fetch({minScore: 2, order: SortedSetOrder.Descending})), ['d', 'c', 'b']);
  assert.deepEqual(valuesOf(await fetch({offset: 1, count: 2})), ['b', 'c']);
  assert.deepEqual(valuesOf(await fetch({minScore: 100})), []);
  const length = async options => expect(await client.sortedSetLengthByScore(CACHE, name, options), 'Hit').length();
  assert.equal(await length(), 4);
  assert.equal(await length({minScore: 2}), 3);
  assert.equal(await length({minScore: 2, maxScore: 3}), 2);
});

check('sorted_set_values_tell_rank_and_score', async client => {
  const name = 'sorted-set-told';
  await prepareSortedSet(client, name);
  assert.equal(expect(await client.sortedSetGetRank(CACHE, name, 'a'), 'Hit').rank(), 0);
  const descending = {order: SortedSetOrder.Descending};
  assert.equal(expect(await client.sortedSetGetRank(CACHE, name, 'a', descending), 'Hit').rank(), 3);
  expect(await client.sortedSetGetRank(CACHE, name, 'x'), 'Miss');
  assert.equal(expect(await client.sortedSetGetScore(CACHE, name, 'b'), 'Hit').score(), 2);
  expect(await client.sortedSetGetScore(CACHE, name, 'x'), 'Miss');
  const scores = expect(await client.sortedSetGetScores(CACHE, name, ['c', 'x', 'a']), 'Hit');
  assert.deepEqual(scores.responses().map(response => response.type), ['Hit', 'Miss', 'Hit']);
  assert.deepEqual(scores.valueRecord(), {c: 3, a: 1});
});

check('a_sorted_set_score_is_incremented', async client => {
  const name = 'sorted-set-incremented';
  assert.equal(expect(await client.sortedSetIncrementScore(CACHE, name, 'v'), 'Success').score(), 1);
  assert.equal(expect(await client.sortedSetIncrementScore(CACHE, name, 'v', -2.5), 'Success').score(), -1.5);
});

check('sorted_set_elements_are_removed', async client => {
  const name = 'sorted-set-removed';
  await prepareSortedSet(client, name);
  expect(await client.sortedSetRemoveElement(CACHE, name, 'a'), 'Success');
  expect(await client.sortedSetRemoveElements(CACHE, name, ['b', 'x']), 'Success');
  assert.deepEqual(valuesOf(await client.sortedSetFetchByRank(CACHE, name)), ['c', 'd']);
  expect(await client.sortedSetRemoveElements(CACHE, name, ['c', 'd']), 'Success');
  expect(await client.sortedSetFetchByRank(CACHE, name), 'Miss');
});

check('sorted_sets_are_united', async client => {
  expect(await client.sortedSetPutElements(CACHE, 'united-x', {a: 1, b: 2}), 'Success');
  expect(await client.sortedSetPutElements(CACHE, 'united-y', {b: 10, c: 20}), 'Success');
  const sources = [
    {sortedSetName: 'united-x', weight: 2},
    {sortedSetName: 'united-y', weight: 1},
  ];
  const unite = async options =>
    expect(await client.sortedSetUnionStore(CACHE, 'united', sources, options), 'Success').length();
  const scores = async () =>
    expect(await client.sortedSetGetScores(CACHE, 'united', ['a', 'b', 'c']), 'Hit').valueRecord();
  assert.equal(await unite(), 3);
  assert.deepEqual(await scores(), {a: 2, b: 14, c: 20});
  assert.equal(await unite({aggregate: SortedSetAggregate.MAX}), 3);
  assert.deepEqual(await scores(), {a: 2, b: 10, c: 20});
  assert.equal(await unite({aggregate: SortedSetAggregate.MIN}), 3);
  assert.deepEqual(await scores(), {a: 2, b: 4, c: 20});
  assert.equal(expect(await client.sortedSetUnionStore(CACHE, 'united', []), 'Success').length(), 0);
  expect(await client.sortedSetLength(CACHE, 'united'), 'Miss');
});

// Errors

check('an_unknown_cache_is_not_found', async client => {
  for (const response of [
    await client.dictionaryFetch('nobody-made-this', 'd'),
    await client.setFetch('nobody-made-this', 's'),
    await client.listFetch('nobody-made-this', 'l'),
    await client.sortedSetFetchByRank('nobody-made-this', 'z'),
  ]) {
    expectError(response, 'NOT_FOUND_ERROR');
  }
});

check('an_element_over_the_limit_is_refused', async client => {
  expectError(await client.listPushBack(CACHE, 'large', new Uint8Array(128 * 1024 + 1)), 'LIMIT_EXCEEDED_ERROR');
});

await run({
  before: async () => {
    const client = await connect();
    expect(await client.createCache(CACHE), 'Success');
    return client;
  },
  after: async client => {
    expect(await client.deleteCache(CACHE), 'Success');
    client.close();
  },
});
