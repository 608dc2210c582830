"""
Keys that only the cloud can honour, and why. EAS's defaults: docs/eas-compatibility.md, section 7.3.

They are declared like all others, so that editors complete them and a misspelt one is found. A description that uses
them gets one note for each reason, not one for each key.
"""

from __future__ import annotations

from typing import Any, Final

from eas_host.description.keys import Definition, ignored

MACHINE: Final = "there is no cloud to take machines from; the service has this one"
CPUS: Final = "no limit is set; the processor finds the number in SCHEDULABLE_CPUS"
INSTANCES: Final = "one host is one instance; --worker-processes adds worker processes"
IMAGE: Final = "no image is run here; the code runs on this machine, with its libraries"
CUDA: Final = "CUDA is used as it is installed on this machine"
TRAFFIC: Final = "traffic between clients and instances is the cloud gateway's"
ROLLOUT: Final = "the cloud scales services and rolls out versions, and here is one of each"
ENGINE: Final = "this host stands in for EAS's own server, which is tuned so"
BATCHING: Final = "only EAS's own processors have their requests batched"
ACCESS: Final = "OSS is reached with OSS_ENDPOINT and OSS_ACCESS_KEY_ID from the environment"
LABEL: Final = "nothing here reads labels"
METRICS: Final = "metrics need no declaration; /api/builtin/realtime_metrics takes any"
CONTAINERS: Final = "containers are not run here; script, command and prepare.pythonRequirements are all that is read"
PLATFORM: Final = "only the cloud has that"
STORAGE: Final = "only oss, local and hostPath can be had here"


class CloudRpc(Definition):
    """
    Ignored keys in `metadata.rpc`.
    """

    batching: Any = ignored(BATCHING, "Server-side batching, for EAS's own processors only. EAS's default: false.")
    max_batch_size: Any = ignored(
        BATCHING,
        "Requests in a batch. EAS's default: 16.",
        aliases=(
            "rpc.batching.max_batch_size",
            "metadata.batching.max_batch_size",
            "metadata.rpc.batching.max_batch_size",
        ),
    )
    max_batch_timeout: Any = ignored(
        BATCHING,
        "Milliseconds to wait for a batch. EAS's default: 50.",
        aliases=(
            "rpc.batching.max_batch_timeout",
            "metadata.batching.max_batch_timeout",
            "metadata.rpc.batching.max_batch_timeout",
        ),
    )
    io_threads: Any = ignored(ENGINE, "Threads for the network. EAS's default: 4.", aliases=("metadata.io_threads",))
    enable_sigterm: Any = ignored(ENGINE, "Send SIGTERM to the main process when an instance ends.")
    enable_jemalloc: Any = ignored(ENGINE, "Use jemalloc.")
    enable_service_hang_detect: Any = ignored(ENGINE, "Restart an instance that hangs.")
    service_hang_detect_period: Any = ignored(ENGINE, "How often to look whether it hangs.")
    disable_auto_queue_watch: Any = ignored(ENGINE, "Do not watch a queue.")
    health_check_path: Any = ignored(ENGINE, "The path that tells whether an instance is healthy.")
    health_check_port: Any = ignored(ENGINE, "The port for it.")
    mirror: Any = ignored(TRAFFIC, "Copy requests to another service.")
    retries: Any = ignored(TRAFFIC, "How often the gateway repeats a request.")


class CloudMetadata(Definition):
    """
    Ignored keys in `metadata`.
    """

    instance: Any = ignored(INSTANCES, "How many instances run.", usual=(1, "1"))
    cpu: Any = ignored(CPUS, "CPUs of an instance.")
    memory: Any = ignored(MACHINE, "Megabytes of an instance.")
    gpu: Any = ignored(MACHINE, "GPUs of an instance.")
    gpu_memory: Any = ignored(MACHINE, "Gigabytes of a shared GPU.")
    gpu_core_percentage: Any = ignored(MACHINE, "Percent of a shared GPU.")
    qos: Any = ignored(MACHINE, "Quality of service: empty, or BestEffort.")
    resource: Any = ignored(MACHINE, "The resource group.")
    region: Any = ignored(MACHINE, "The region, such as cn-shanghai.")
    workspace_id: Any = ignored(MACHINE, "The workspace in PAI.")
    rdma: Any = ignored(MACHINE, "Use RDMA.")
    shm_size: Any = ignored(MACHINE, "Gigabytes of shared memory.")
    disk: Any = ignored(MACHINE, "Disk of an instance, such as 30Gi.")
    resource_rebalancing: Any = ignored(MACHINE, "Move instances to other machines.")
    resource_burstable: Any = ignored(MACHINE, "Use more than was asked for, where there is more.")
    scheduling: Any = ignored(MACHINE, "How instances are spread.")
    workload_type: Any = ignored(MACHINE, "The kind of job, such as elasticjob.")
    cuda: Any = ignored(CUDA, "The version of CUDA.")
    group: Any = ignored(TRAFFIC, "The service group.")
    gateway: Any = ignored(TRAFFIC, "The dedicated gateway.")
    enable_grpc: Any = ignored(TRAFFIC, "Let gRPC through.")
    enable_webservice: Any = ignored(TRAFFIC, "Serve web pages.")
    rolling_strategy: Any = ignored(ROLLOUT, "How a new version replaces the old one: max_surge, max_unavailable.")
    type: Any = ignored(PLATFORM, "The type of a service that is no processor.")


class CloudEas(Definition):
    """
    Ignored keys in `metadata.eas`.
    """

    scheduler: Any = ignored(MACHINE, "Of the scheduler: enable_cpuset.")
    enabled_model_verification: Any = ignored(ENGINE, "Send the warm-up requests as a test of the model.")
    handlers: Any = ignored(ENGINE, "Of the handlers: disable_failure_handler.")


class CloudRuntime(Definition):
    """
    Ignored keys in `runtime`.
    """

    core_pattern: Any = ignored(ENGINE, "Where core files go.")
    base_image: Any = ignored(IMAGE, "The image that is built upon.", aliases=("baseimage",))
    worker_image: Any = ignored(IMAGE, "The image of the worker.", aliases=("worker_image",))
    cuda: Any = ignored(CUDA, "The version of CUDA.")


class CloudService(Definition):
    """
    Ignored keys at the top.
    """

    processor_name: Any = ignored(LABEL, "A name for the processor.")
    processor_image: Any = ignored(IMAGE, "The image with the processor.")
    data_image: Any = ignored(IMAGE, "The image with the processor's environment.")
    dockerAuth: Any = ignored(IMAGE, "How to log in to the registry of images.")  # noqa: N815  EAS's spelling
    oss_endpoint: Any = ignored(ACCESS, "The endpoint of OSS.")
    role_arn: Any = ignored(ACCESS, "The role that may read from OSS.")
    source: Any = ignored(ACCESS, "Where the model comes from.")
    metrics: Any = ignored(METRICS, "Declarations of the service's own metrics.")
    networking: Any = ignored(TRAFFIC, "Gateway, its policy, and paths.")
    sinker: Any = ignored(TRAFFIC, "Where to record requests and answers.")
    unit: Any = ignored(TRAFFIC, "Distribution over units.")
    autoscaler: Any = ignored(ROLLOUT, "How many instances run at what load: min, max, strategies.")
    cloud: Any = ignored(MACHINE, "The kinds of machines: computing.")
    labels: Any = ignored(LABEL, "Labels.")
    platform: Any = ignored(LABEL, "What the service was made with.")
    engine: Any = ignored(LABEL, "The engine's name.")
    language_type: Any = ignored(LABEL, "The language of the processor.")
    features: Any = ignored(PLATFORM, "Features that are switched on.")
    confidential: Any = ignored(PLATFORM, "Confidential computing.")
    aimaster: Any = ignored(PLATFORM, "The AIMaster.")
    multi_models: Any = ignored(PLATFORM, "Several models; models[] is what is read here.")


class CloudStorage(Definition):
    """
    Ignored keys of an entry of `storage[]`: the kinds that only the cloud has.
    """

    nfs: Any = ignored(STORAGE, "A file system of NAS.")
    nas: Any = ignored(STORAGE, "A file system of NAS.")
    cpfs: Any = ignored(STORAGE, "A CPFS.")
    image: Any = ignored(STORAGE, "An image.")
    git: Any = ignored(STORAGE, "A repository.")
    dataset: Any = ignored(STORAGE, "A dataset of PAI.")
    empty_dir: Any = ignored(STORAGE, "An empty folder.")
    properties: Any = ignored(LABEL, "What it is for: resource_type model or code.")


class CloudOss(Definition):
    """
    Ignored keys in `storage[].oss`.
    """

    endpoint: Any = ignored(ACCESS, "The endpoint of OSS.")
    readOnly: Any = ignored(ACCESS, "Refuse to write.", usual=(True, "true"))  # noqa: N815  EAS's spelling


class CloudContainer(Definition):
    """
    Ignored keys of an entry of `containers[]`.
    """

    image: Any = ignored(CONTAINERS, "The image to run.")
    port: Any = ignored(CONTAINERS, "The port that it listens on.")
    env: Any = ignored(CONTAINERS, "Environment variables, name and value.")


class CloudPrepare(Definition):
    """
    Ignored keys in `containers[].prepare`.
    """

    pythonRequirementsPath: Any = ignored(CONTAINERS, "A requirements.txt in the container.")  # noqa: N815  EAS's
