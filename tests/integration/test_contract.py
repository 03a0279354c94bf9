"""The .proto files here against the published contract, element by element."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from contract_facts import Facts, differences, facts_of
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
)
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from leaderboard_facts import LEADERBOARD
from momento_wire_types import cacheclient_pb2, cachepubsub_pb2, common_pb2, controlclient_pb2

# The Python package leaves the ping service out; this is what the public repository says of it.
PING: Facts = {
    "cache_client.Ping": "service",
    "cache_client.Ping.Ping": "method from .cache_client._PingRequest to .cache_client._PingResponse",
    "cache_client._PingRequest": "message",
    "cache_client._PingResponse": "message",
}


def published_file(module: object) -> FileDescriptorProto:
    """Return the description that a generated module carries."""
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)  # type: ignore[attr-defined]
    return file


@pytest.fixture(scope="module")
def published() -> Facts:
    """Collect what is published: the cache's contract, and gRPC's own."""
    modules = [
        cacheclient_pb2,
        cachepubsub_pb2,
        common_pb2,
        controlclient_pb2,
        health_pb2,
        reflection_pb2,
    ]
    facts = facts_of(published_file(module) for module in modules)
    facts.update(PING)
    facts.update(LEADERBOARD)
    # Reflection came out of its alpha as it was, under another package.
    alpha = facts_of([published_file(reflection_pb2)])
    facts.update({_without_alpha(name): _without_alpha(fact) for name, fact in alpha.items()})
    return facts


def _without_alpha(text: str) -> str:
    return text.replace("grpc.reflection.v1alpha.", "grpc.reflection.v1.")


def test_our_contract_is_the_published_one(contract: FileDescriptorSet, published: Facts) -> None:
    assert differences(facts_of(contract.file), published) == []


def test_every_service_is_there(contract: FileDescriptorSet) -> None:
    services = {name for name, fact in facts_of(contract.file).items() if fact == "service"}
    assert services == {
        "cache_client.Scs",
        "cache_client.Ping",
        "cache_client.pubsub.Pubsub",
        "control_client.ScsControl",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "leaderboard.Leaderboard",
    }


def file_named(contract: FileDescriptorSet, name: str) -> FileDescriptorProto:
    """Return one file of the set."""
    return next(file for file in contract.file if file.name == name)


def message_named(contract: FileDescriptorSet, name: str) -> DescriptorProto:
    """Return one message of the data plane."""
    return next(message for message in file_named(contract, "cacheclient.proto").message_type if message.name == name)


def rename_a_field(contract: FileDescriptorSet) -> None:
    message_named(contract, "_GetRequest").field[0].name = "key"


def renumber_a_field(contract: FileDescriptorSet) -> None:
    message_named(contract, "_SetRequest").field[2].number = 4


def change_a_type(contract: FileDescriptorSet) -> None:
    message_named(contract, "_SetRequest").field[2].type = FieldDescriptorProto.TYPE_INT64


def change_the_message_of_a_field(contract: FileDescriptorSet) -> None:
    message_named(contract, "_SetIfRequest").field[3].type_name = ".common.Absent"


def repeat_a_field(contract: FileDescriptorSet) -> None:
    message_named(contract, "_SetRequest").field[1].label = FieldDescriptorProto.LABEL_REPEATED


def drop_a_field(contract: FileDescriptorSet) -> None:
    del message_named(contract, "_SetRequest").field[1]


def add_a_field(contract: FileDescriptorSet) -> None:
    message_named(contract, "_DeleteResponse").field.add(
        name="extra", number=1, type=FieldDescriptorProto.TYPE_BOOL, label=FieldDescriptorProto.LABEL_OPTIONAL
    )


def take_a_field_out_of_its_oneof(contract: FileDescriptorSet) -> None:
    message_named(contract, "_SetIfRequest").field[3].ClearField("oneof_index")


def make_a_field_optional(contract: FileDescriptorSet) -> None:
    message = message_named(contract, "_GetRequest")
    message.oneof_decl.add(name="_cache_key")
    message.field[0].oneof_index = 0


def renumber_an_enum_value(contract: FileDescriptorSet) -> None:
    file_named(contract, "cacheclient.proto").enum_type[0].value[2].number = 4


def drop_an_enum_value(contract: FileDescriptorSet) -> None:
    del message_named(contract, "_ItemGetTypeResponse").enum_type[0].value[4]


def change_what_a_method_takes(contract: FileDescriptorSet) -> None:
    file_named(contract, "cacheclient.proto").service[0].method[0].input_type = ".cache_client._DeleteRequest"


def stop_a_method_from_streaming(contract: FileDescriptorSet) -> None:
    methods = file_named(contract, "cacheclient.proto").service[0].method
    next(method for method in methods if method.name == "GetBatch").server_streaming = False


def rename_a_package(contract: FileDescriptorSet) -> None:
    file_named(contract, "health.proto").package = "grpc.health.v2"


CHANGES: dict[Callable[[FileDescriptorSet], None], str] = {
    rename_a_field: "cache_client._GetRequest.key",
    renumber_a_field: "cache_client._SetRequest.ttl_milliseconds",
    change_a_type: "cache_client._SetRequest.ttl_milliseconds",
    change_the_message_of_a_field: "cache_client._SetIfRequest.present",
    repeat_a_field: "cache_client._SetRequest.cache_body",
    drop_a_field: "cache_client._SetRequest.cache_body",
    add_a_field: "cache_client._DeleteResponse.extra",
    take_a_field_out_of_its_oneof: "cache_client._SetIfRequest.present",
    make_a_field_optional: "cache_client._GetRequest.cache_key",
    renumber_an_enum_value: "cache_client.ECacheResult.Hit",
    drop_an_enum_value: "cache_client._ItemGetTypeResponse.ItemType.SORTED_SET",
    change_what_a_method_takes: "cache_client.Scs.Get",
    stop_a_method_from_streaming: "cache_client.Scs.GetBatch",
    rename_a_package: "grpc.health.v2.Health",
}


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_of_the_contract_is_noticed(
    change: Callable[[FileDescriptorSet], None], contract: FileDescriptorSet, published: Facts
) -> None:
    changed = FileDescriptorSet()
    changed.CopyFrom(contract)
    change(changed)
    found = differences(facts_of(changed.file), published)
    assert any(difference.startswith(f"{CHANGES[change]}: ") for difference in found), found


def test_a_oneof_of_one_and_an_optional_field_are_the_same() -> None:
    oneof = FileDescriptorProto(package="p")
    message = oneof.message_type.add(name="M")
    message.field.add(name="f", number=1, oneof_index=0)
    message.oneof_decl.add(name="presence")

    optional = FileDescriptorProto()
    optional.CopyFrom(oneof)
    optional.message_type[0].oneof_decl[0].name = "_f"
    optional.message_type[0].field[0].proto3_optional = True

    assert differences(facts_of([oneof]), facts_of([optional])) == []
