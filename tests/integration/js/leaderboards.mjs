// The official JavaScript client's leaderboards, unchanged, against our server. Every check has a board of its own.
import assert from 'node:assert/strict';
import {
  CacheClient,
  Configurations,
  CredentialProvider,
  DefaultMomentoLoggerFactory,
  DefaultMomentoLoggerLevel,
  LeaderboardConfigurations,
  LeaderboardOrder,
  PreviewLeaderboardClient,
} from '@gomomento/sdk';
import {check, expect, expectError, port, run} from './harness.mjs';

const CACHE = 'javascript-leaderboards';

const credentialProvider = CredentialProvider.forMomentoLocal({hostname: '127.0.0.1', port});
const quiet = new DefaultMomentoLoggerFactory(DefaultMomentoLoggerLevel.ERROR);
const DESCENDING = {order: LeaderboardOrder.Descending};

function checkBoard(name, body) {
  check(name, async ({boards}) => await body(boards.leaderboard(CACHE, name)));
}

async function prepare(board) {
  expect(await board.upsert({1: 10, 2: 20, 3: 30, 4: 40}), 'Success');
}

function elementsOf(response) {
  return expect(response, 'Success')
    .values()
    .map(({id, rank, score}) => [id, rank, score]);
}

checkBoard('a_board_that_is_not_there_is_empty', async board => {
  for (const response of [
    await board.fetchByRank(0, 10),
    await board.fetchByScore(),
    await board.getRank([1]),
  ]) {
    assert.deepEqual(elementsOf(response), []);
  }
  assert.equal(expect(await board.length(), 'Success').length(), 0);
  expect(await board.removeElements([1]), 'Success');
  expect(await board.delete(), 'Success');
});

checkBoard('elements_are_fetched_by_rank', async board => {
  await prepare(board);
  assert.deepEqual(elementsOf(await board.fetchByRank(1, 3)), [
    [2, 1, 20],
    [3, 2, 30],
  ]);
  assert.deepEqual(elementsOf(await board.fetchByRank(0, 2, DESCENDING)), [
    [4, 0, 40],
    [3, 1, 30],
  ]);
});

checkBoard('elements_are_fetched_by_score', async board => {
  await prepare(board);
  assert.deepEqual(elementsOf(await board.fetchByScore({minScore: 20, maxScore: 40})), [
    [2, 1, 20],
    [3, 2, 30],
  ]);
  assert.deepEqual(elementsOf(await board.fetchByScore({offset: 1, count: 2, ...DESCENDING})), [
    [3, 1, 30],
    [2, 2, 20],
  ]);
  assert.equal(elementsOf(await board.fetchByScore()).length, 4);
});

checkBoard('ids_tell_their_ranks', async board => {
  await prepare(board);
  assert.deepEqual(elementsOf(await board.getRank([3, 99, 1])), [
    [3, 2, 30],
    [1, 0, 10],
  ]);
  assert.deepEqual(elementsOf(await board.getRank([1], DESCENDING)), [[1, 3, 10]]);
});

checkBoard('elements_are_changed_and_removed', async board => {
  await prepare(board);
  expect(await board.upsert(new Map([[1, 123.456]])), 'Success');
  expect(await board.removeElements([2, 99]), 'Success');
  assert.equal(expect(await board.length(), 'Success').length(), 3);
  assert.deepEqual(elementsOf(await board.getRank([1])), [[1, 2, 123.456]]);
});

checkBoard('a_board_is_deleted', async board => {
  await prepare(board);
  expect(await board.delete(), 'Success');
  assert.equal(expect(await board.length(), 'Success').length(), 0);
});

checkBoard('calls_are_bounded', async board => {
  const many = Object.fromEntries(Array.from({length: 8193}, (_, i) => [i, i]));
  expectError(await board.upsert(many), 'INVALID_ARGUMENT_ERROR');
  delete many[8192];
  expect(await board.upsert(many), 'Success');
  assert.equal(elementsOf(await board.fetchByRank(0, 8192)).length, 8192);
  assert.equal(elementsOf(await board.fetchByScore()).length, 8192);
  expectError(await board.fetchByRank(0, 8193), 'INVALID_ARGUMENT_ERROR');
  expectError(await board.fetchByRank(0, 0), 'INVALID_ARGUMENT_ERROR');
  expectError(await board.fetchByRank(10, 5), 'INVALID_ARGUMENT_ERROR');
  expectError(await board.fetchByScore({count: 8193}), 'INVALID_ARGUMENT_ERROR');
  expectError(await board.fetchByScore({minScore: 100, maxScore: 50}), 'INVALID_ARGUMENT_ERROR');
  expectError(await board.fetchByScore({minScore: 50, maxScore: 50}), 'INVALID_ARGUMENT_ERROR');
});

check('an_unknown_cache_is_not_found', async ({boards}) => {
  expectError(await boards.leaderboard('nobody-made-this', 'board').length(), 'NOT_FOUND_ERROR');
});

await run({
  before: async () => {
    const caches = await CacheClient.create({
      configuration: Configurations.Laptop.latest(quiet),
      credentialProvider,
      defaultTtlSeconds: 60,
    });
    expect(await caches.createCache(CACHE), 'Success');
    const configuration = LeaderboardConfigurations.Laptop.latest(quiet);
    return {caches, boards: new PreviewLeaderboardClient({configuration, credentialProvider})};
  },
  after: async ({caches, boards}) => {
    expect(await caches.deleteCache(CACHE), 'Success');
    boards.close();
    caches.close();
  },
});
