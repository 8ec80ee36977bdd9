"""make bundle: lays out this repository's folders for each managed Airflow, in out/.

Needs only Python. The layouts hold your connector files in include/connectors, too.
"""

import os
import shutil
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "out"
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")
ZIP_DATE = (2026, 1, 1, 0, 0, 0)  # fixed, so that the same files make the same archive


def main(out: Path = OUT) -> None:
    """Write all layouts anew."""
    for name, layout in LAYOUTS.items():
        folder = out / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        layout(folder)
        print(f"{os.path.relpath(folder)}: see docs/deployments/{name}.md")


def astronomer(folder: Path) -> None:
    """An Astro project: its root is importable, so the folders stay as they are."""
    copy("dags", "include", "plugins", to=folder)
    requirements(folder)


def helm(folder: Path) -> None:
    """An image of your own, and values for the official chart."""
    astronomer(folder)
    for file in (ROOT / "deployments" / "helm").iterdir():
        shutil.copy(file, folder)


def composer(folder: Path) -> None:
    """Two folders of a bucket; only plugins/ reaches every component of Airflow, so it holds `include`."""
    copy("dags", to=folder)
    plugins_with_include(folder / "plugins")
    requirements(folder)


def mwaa(folder: Path) -> None:
    """As Composer, with plugins/ as an archive."""
    composer(folder)
    with zipfile.ZipFile(folder / "plugins.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((folder / "plugins").rglob("*")):
            if path.is_file():
                name = str(path.relative_to(folder / "plugins"))
                archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), path.read_bytes(), zipfile.ZIP_DEFLATED)
    shutil.rmtree(folder / "plugins")


def git(folder: Path) -> None:
    """A repository for the Git bundle; its root is importable, and plugins/ is no part of a bundle."""
    copy("dags", "include", ".airflowignore", to=folder / "repository")
    copy("plugins", to=folder)
    requirements(folder)


LAYOUTS = {"astronomer": astronomer, "composer": composer, "git-bundle": git, "helm": helm, "mwaa": mwaa}


def copy(*names: str, to: Path) -> None:
    """Copy files and folders of the repository."""
    to.mkdir(exist_ok=True)
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=IGNORED)
        else:
            shutil.copy(ROOT / name, to)


def plugins_with_include(folder: Path) -> None:
    """Copy `include` into the plugins folder, where it is importable; .airflowignore says it is no plugin."""
    copy("plugins", to=folder.parent)
    shutil.copytree(ROOT / "include", folder / "include", ignore=IGNORED)
    with (folder / ".airflowignore").open("a") as ignored:
        ignored.write("include/\n")


def requirements(folder: Path) -> None:
    """Write the packages to install; Airflow is not among them, because the host chooses its version."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    own = [line for line in lines if not line.startswith(("#", "apache-airflow>"))]
    (folder / "requirements.txt").write_text("\n".join(own) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
