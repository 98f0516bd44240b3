"""The hooks that a clone gets without being asked for: by the first command of a person that needs them."""

from track.cli import late
from track.cli.session import note, warn
from track.errors import TrackError


def ensure_hooks(project: "late.project.Project") -> None:
    """Install the hooks in a clone that has none, unless a person does not want them; what is in the way is told."""
    if not project.config.is_on("hooks.install"):
        return
    try:
        done = late.hooks.ensure(project.git)
    except TrackError as error:
        warn(f"the hooks of track are not in place: {error.message}; to try again: track hooks install")
        return
    if done is not None:
        say_hooks(done)


def say_hooks(done: "late.hooks.Hooked") -> None:
    """Say what was installed, or what a person still has to do."""
    if done.left:
        note(f"Git takes its hooks from {done.site.manager}: track hooks install says what to add there")
    elif done.changed:
        note("hooks installed: data follows git checkout, and goes with git push (track hooks list says more)")
