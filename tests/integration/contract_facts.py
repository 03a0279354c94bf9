"""What two descriptions of a wire contract have to agree on, as one fact for each named element."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
)

Facts = dict[str, str]

MESSAGE = "message"
ENUM = "enum"
SERVICE = "service"


def facts_of(files: Iterable[FileDescriptorProto]) -> Facts:
    """Return a fact for each message, field, enum, value, service and method, by full name."""
    facts: Facts = {}
    for file in files:
        for message in file.message_type:
            facts.update(_message_facts(file.package, message))
        for enum in file.enum_type:
            facts.update(_enum_facts(file.package, enum))
        for service in file.service:
            facts[f"{file.package}.{service.name}"] = SERVICE
            for method in service.method:
                facts[f"{file.package}.{service.name}.{method.name}"] = _method_fact(method)
    return facts


def differences(ours: Facts, published: Facts) -> list[str]:
    """Say where our contract departs from the published one.

    Ours may lack whole messages, enums, services and methods; what it has must be all there and the same.
    """
    found = []
    for name, fact in ours.items():
        if published.get(name) != fact:
            found.append(f"{name}: ours is {fact}, published is {published.get(name, 'nothing')}")
    for name, fact in published.items():
        owner = name.rpartition(".")[0]
        if name not in ours and ours.get(owner) in (MESSAGE, ENUM):
            found.append(f"{name}: ours is nothing, published is {fact}")
    return found


def _message_facts(scope: str, message: DescriptorProto) -> Iterator[tuple[str, str]]:
    name = f"{scope}.{message.name}"
    yield name, MESSAGE
    members = Counter(field.oneof_index for field in message.field if field.HasField("oneof_index"))
    for field in message.field:
        yield f"{name}.{field.name}", _field_fact(message, field, members)
    for nested in message.nested_type:
        yield from _message_facts(name, nested)
    for enum in message.enum_type:
        yield from _enum_facts(name, enum)


def _enum_facts(scope: str, enum: EnumDescriptorProto) -> Iterator[tuple[str, str]]:
    name = f"{scope}.{enum.name}"
    yield name, ENUM
    for value in enum.value:
        yield f"{name}.{value.name}", f"value {value.number}"


def _field_fact(message: DescriptorProto, field: FieldDescriptorProto, members: Counter[int]) -> str:
    label = FieldDescriptorProto.Label.Name(field.label)
    kind = FieldDescriptorProto.Type.Name(field.type)
    fact = f"field {field.number}, {label} {kind} {field.type_name}".rstrip()
    if not field.HasField("oneof_index"):
        return fact
    if members[field.oneof_index] == 1:
        # A oneof of one member and an `optional` field are the same on the wire.
        return f"{fact}, present or not"
    return f"{fact}, in the oneof {message.oneof_decl[field.oneof_index].name}"


def _method_fact(method: MethodDescriptorProto) -> str:
    given = ("stream " if method.client_streaming else "") + method.input_type
    returned = ("stream " if method.server_streaming else "") + method.output_type
    return f"method from {given} to {returned}"
