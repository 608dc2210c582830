"""
Container images: the host alone, or with a service's files in it.

Strategy: one build, by the tool that is there. Its Containerfile is the project's own, which a wheel has, too, and for
a service two lines more; its context is a new folder with what the host is made of and one archive with the files.
Times and owners in that are fixed, so the same files make the same image.

In reading order:

- `reference`: names of images; `request`: the image that is wanted.
- `image_tool`: podman, buildah or docker.
- `contents_report`: what of this machine is in an image; `layout`: where a service's files are in its image.
- `containerfile`: what the tool is told to do; `host_source`: what the host is made of.
- `build`: all of it together.
"""
