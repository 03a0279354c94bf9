"""What the public repository says of the leaderboard service, which the Python package leaves out."""

from contract_facts import Facts

LEADERBOARD: Facts = {
    "leaderboard._Element": "message",
    "leaderboard._Element.id": "field 1, LABEL_OPTIONAL TYPE_UINT32",
    "leaderboard._Element.score": "field 3, LABEL_OPTIONAL TYPE_DOUBLE",
    "leaderboard._RankedElement": "message",
    "leaderboard._RankedElement.id": "field 1, LABEL_OPTIONAL TYPE_UINT32",
    "leaderboard._RankedElement.rank": "field 3, LABEL_OPTIONAL TYPE_UINT32",
    "leaderboard._RankedElement.score": "field 4, LABEL_OPTIONAL TYPE_DOUBLE",
    "leaderboard._RankRange": "message",
    "leaderboard._RankRange.start_inclusive": "field 1, LABEL_OPTIONAL TYPE_UINT32",
    "leaderboard._RankRange.end_exclusive": "field 2, LABEL_OPTIONAL TYPE_UINT32",
    "leaderboard._ScoreRange": "message",
    "leaderboard._ScoreRange.unbounded_min": (
        "field 1, LABEL_OPTIONAL TYPE_MESSAGE .common._Unbounded, in the oneof min"
    ),
    "leaderboard._ScoreRange.min_inclusive": "field 5, LABEL_OPTIONAL TYPE_DOUBLE, in the oneof min",
    "leaderboard._ScoreRange.unbounded_max": (
        "field 3, LABEL_OPTIONAL TYPE_MESSAGE .common._Unbounded, in the oneof max"
    ),
    "leaderboard._ScoreRange.max_exclusive": "field 6, LABEL_OPTIONAL TYPE_DOUBLE, in the oneof max",
    "leaderboard._DeleteLeaderboardRequest": "message",
    "leaderboard._DeleteLeaderboardRequest.leaderboard": "field 2, LABEL_OPTIONAL TYPE_STRING",
    "leaderboard._GetLeaderboardLengthRequest": "message",
    "leaderboard._GetLeaderboardLengthRequest.leaderboard": "field 2, LABEL_OPTIONAL TYPE_STRING",
    "leaderboard._GetLeaderboardLengthResponse": "message",
    "leaderboard._GetLeaderboardLengthResponse.count": "field 1, LABEL_OPTIONAL TYPE_UINT32",
    "leaderboard._UpsertElementsRequest": "message",
    "leaderboard._UpsertElementsRequest.leaderboard": "field 2, LABEL_OPTIONAL TYPE_STRING",
    "leaderboard._UpsertElementsRequest.elements": "field 3, LABEL_REPEATED TYPE_MESSAGE .leaderboard._Element",
    "leaderboard._GetByRankRequest": "message",
    "leaderboard._GetByRankRequest.leaderboard": "field 2, LABEL_OPTIONAL TYPE_STRING",
    "leaderboard._GetByRankRequest.rank_range": "field 3, LABEL_OPTIONAL TYPE_MESSAGE .leaderboard._RankRange",
    "leaderboard._GetByRankRequest.order": "field 4, LABEL_OPTIONAL TYPE_ENUM .leaderboard._Order",
    "leaderboard._GetByRankResponse": "message",
    "leaderboard._GetByRankResponse.elements": "field 1, LABEL_REPEATED TYPE_MESSAGE .leaderboard._RankedElement",
    "leaderboard._GetRankRequest": "message",
    "leaderboard._GetRankRequest.leaderboard": "field 2, LABEL_OPTIONAL TYPE_STRING",
    "leaderboard._GetRankRequest.ids": "field 3, LABEL_REPEATED TYPE_UINT32",
    "leaderboard._GetRankRequest.order": "field 4, LABEL_OPTIONAL TYPE_ENUM .leaderboard._Order",
    "leaderboard._GetRankResponse": "message",
    "leaderboard._GetRankResponse.elements": "field 1, LABEL_REPEATED TYPE_MESSAGE .leaderboard._RankedElement",
    "leaderboard._RemoveElementsRequest": "message",
    "leaderboard._RemoveElementsRequest.leaderboard": "field 2, LABEL_OPTIONAL TYPE_STRING",
    "leaderboard._RemoveElementsRequest.ids": "field 3, LABEL_REPEATED TYPE_UINT32",
    "leaderboard._GetByScoreRequest": "message",
    "leaderboard._GetByScoreRequest.leaderboard": "field 2, LABEL_OPTIONAL TYPE_STRING",
    "leaderboard._GetByScoreRequest.score_range": "field 3, LABEL_OPTIONAL TYPE_MESSAGE .leaderboard._ScoreRange",
    "leaderboard._GetByScoreRequest.offset": "field 4, LABEL_OPTIONAL TYPE_UINT32",
    "leaderboard._GetByScoreRequest.limit_elements": "field 5, LABEL_OPTIONAL TYPE_UINT32",
    "leaderboard._GetByScoreRequest.order": "field 6, LABEL_OPTIONAL TYPE_ENUM .leaderboard._Order",
    "leaderboard._GetByScoreResponse": "message",
    "leaderboard._GetByScoreResponse.elements": "field 1, LABEL_REPEATED TYPE_MESSAGE .leaderboard._RankedElement",
    "leaderboard._GetCompetitionRankRequest": "message",
    "leaderboard._GetCompetitionRankRequest.leaderboard": "field 1, LABEL_OPTIONAL TYPE_STRING",
    "leaderboard._GetCompetitionRankRequest.ids": "field 2, LABEL_REPEATED TYPE_UINT32",
    "leaderboard._GetCompetitionRankRequest.order": (
        "field 3, LABEL_OPTIONAL TYPE_ENUM .leaderboard._Order, present or not"
    ),
    "leaderboard._GetCompetitionRankResponse": "message",
    "leaderboard._GetCompetitionRankResponse.elements": (
        "field 1, LABEL_REPEATED TYPE_MESSAGE .leaderboard._RankedElement"
    ),
    "leaderboard._Order": "enum",
    "leaderboard._Order.ASCENDING": "value 0",
    "leaderboard._Order.DESCENDING": "value 1",
    "leaderboard.Leaderboard": "service",
    "leaderboard.Leaderboard.DeleteLeaderboard": "method from .leaderboard._DeleteLeaderboardRequest to .common._Empty",
    "leaderboard.Leaderboard.UpsertElements": "method from .leaderboard._UpsertElementsRequest to .common._Empty",
    "leaderboard.Leaderboard.RemoveElements": "method from .leaderboard._RemoveElementsRequest to .common._Empty",
    "leaderboard.Leaderboard.GetLeaderboardLength": (
        "method from .leaderboard._GetLeaderboardLengthRequest to .leaderboard._GetLeaderboardLengthResponse"
    ),
    "leaderboard.Leaderboard.GetByRank": (
        "method from .leaderboard._GetByRankRequest to .leaderboard._GetByRankResponse"
    ),
    "leaderboard.Leaderboard.GetRank": "method from .leaderboard._GetRankRequest to .leaderboard._GetRankResponse",
    "leaderboard.Leaderboard.GetByScore": (
        "method from .leaderboard._GetByScoreRequest to .leaderboard._GetByScoreResponse"
    ),
    "leaderboard.Leaderboard.GetCompetitionRank": (
        "method from .leaderboard._GetCompetitionRankRequest to .leaderboard._GetCompetitionRankResponse"
    ),
}
