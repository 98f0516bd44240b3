"""Artifacts schema: the keys, time and type of a named artifact, as declared or as its versions have them."""

from dataclasses import dataclass

from track.flows.named import Names, declaration_at, schema_of, side_of
from track.flows.named_versions import asked_of
from track.model.declaration import Declaration
from track.project import Project


@dataclass(frozen=True, slots=True)
class ArtifactSchema:
    """What is agreed of a named artifact; `is_declared` in a file, or as its versions have it."""

    name: str
    declaration: Declaration
    is_declared: bool


def artifacts_schema(project: Project, words: str) -> ArtifactSchema:
    """The schema of `[REV:]NAME`.

    Raises:
        UnknownPath, UnknownRevision: there is no such artifact or commit.
        MalformedPointer, NewerFormat: what was declared cannot be read.
    """
    asked = asked_of(words)
    side = side_of(project, asked.rev)
    names = Names(side)
    if declaration_at(project, side, asked.name) is None:
        names.of(asked.name)
    schema = schema_of(project, names, asked.name)
    return ArtifactSchema(asked.name, schema.declaration, schema.is_declared)
