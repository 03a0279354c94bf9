"""Names for the types that clients take and give. `str` is sent as UTF-8."""

from __future__ import annotations

from typing import Iterable, List, Mapping, Set, Union

TCacheName = str
TTopicName = str

TMomentoValue = Union[str, bytes]

TScalarKey = Union[str, bytes]
TScalarValue = TMomentoValue

TCollectionName = str
TCollectionValue = Union[str, bytes]

TDictionaryName = TCollectionName
TDictionaryField = Union[str, bytes]
TDictionaryValue = TMomentoValue
TDictionaryFields = Iterable[TDictionaryField]
# A Mapping is invariant in its keys, so each combination is named.
TDictionaryItems = Union[
    Mapping[TDictionaryField, TDictionaryValue],
    Mapping[bytes, bytes],
    Mapping[bytes, str],
    Mapping[str, bytes],
    Mapping[str, str],
]

TListName = TCollectionName
TListValue = TMomentoValue
TListValuesInputBytes = Iterable[bytes]
TListValuesInputStr = Iterable[str]
TListValuesInput = Iterable[TListValue]
TListValuesOutputBytes = List[bytes]
TListValuesOutputStr = List[str]
TLIstValuesOutput = Union[TListValuesOutputBytes, TListValuesOutputStr]

TSetName = TCollectionName
TSetElement = TMomentoValue
TSetElementsInputBytes = Iterable[bytes]
TSetElementsInputStr = Iterable[str]
TSetElementsInput = Iterable[TSetElement]
TSetElementsOutputStr = Set[str]
TSetElementsOutputBytes = Set[bytes]
TSetElementsOutput = Union[TSetElementsOutputBytes, TSetElementsOutputStr]

TSortedSetName = TCollectionName
TSortedSetValue = TMomentoValue
TSortedSetScore = float
TSortedSetValues = Iterable[TSortedSetValue]
TSortedSetElements = Union[
    Mapping[TSortedSetValue, TSortedSetScore],
    Mapping[bytes, float],
    Mapping[str, float],
]
