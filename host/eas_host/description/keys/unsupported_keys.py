"""
The keys that only the cloud supports, and why they have no effect here.

They are declared like all other keys, so that editors complete them and a misspelt one is found. The reader writes one
note for each reason, not one for each key. EAS's defaults are in docs/eas-compatibility.md, section 7.3.
"""

from __future__ import annotations

from typing import Any, Final

from eas_host.description.keys.declaration import Definition, unsupported

MACHINE: Final = "there is no cloud to take machines from; the service runs on this machine"
CPUS: Final = "no limit is set; the processor finds the number in SCHEDULABLE_CPUS"
INSTANCES: Final = "one host is one instance; --worker-processes adds worker processes"
IMAGE: Final = "no image is run here; the code runs on this machine, with its libraries"
CUDA: Final = "CUDA is used as it is installed on this machine"
TRAFFIC: Final = "traffic between clients and instances is the business of the cloud's gateway"
ROLLOUT: Final = "only the cloud scales services and rolls out versions; here there is one of each"
ENGINE: Final = "it is a setting of EAS's own server, which this host replaces"
ACCESS: Final = "OSS is reached with OSS_ENDPOINT and OSS_ACCESS_KEY_ID from the environment"
LABEL: Final = "nothing here reads labels"
METRICS: Final = "metrics need no declaration; /api/builtin/realtime_metrics takes any"
CONTAINERS: Final = "containers are not run here; script, command and prepare.pythonRequirements are all that is read"
PLATFORM: Final = "only the cloud has that"
STORAGE: Final = "only oss, local and hostPath are supported here"


class UnsupportedRpcKeys(Definition):
    """
    Unsupported keys in `metadata.rpc`.
    """

    io_threads: Any = unsupported(
        ENGINE, "Threads for the network. EAS's default: 4.", aliases=("metadata.io_threads",)
    )
    enable_sigterm: Any = unsupported(ENGINE, "Send SIGTERM to the main process when an instance ends.")
    enable_jemalloc: Any = unsupported(ENGINE, "Use jemalloc.")
    enable_service_hang_detect: Any = unsupported(ENGINE, "Restart an instance that hangs.")
    service_hang_detect_period: Any = unsupported(ENGINE, "How often to check whether an instance hangs.")
    disable_auto_queue_watch: Any = unsupported(ENGINE, "Do not watch a queue.")
    health_check_path: Any = unsupported(ENGINE, "The path that tells whether an instance is healthy.")
    health_check_port: Any = unsupported(ENGINE, "The port for health_check_path.")
    mirror: Any = unsupported(TRAFFIC, "Copy requests to another service.")
    retries: Any = unsupported(TRAFFIC, "How often the gateway repeats a request.")


class UnsupportedMetadataKeys(Definition):
    """
    Unsupported keys in `metadata`.
    """

    instance: Any = unsupported(INSTANCES, "How many instances run.", harmless_values=(1, "1"))
    cpu: Any = unsupported(CPUS, "CPUs of an instance.", usual=True)
    memory: Any = unsupported(MACHINE, "Megabytes of an instance.", usual=True)
    gpu: Any = unsupported(MACHINE, "GPUs of an instance.")
    gpu_memory: Any = unsupported(MACHINE, "Gigabytes of a shared GPU.")
    gpu_core_percentage: Any = unsupported(MACHINE, "Percent of a shared GPU.")
    qos: Any = unsupported(MACHINE, "Quality of service: empty, or BestEffort.")
    resource: Any = unsupported(MACHINE, "The resource group.")
    region: Any = unsupported(MACHINE, "The region, such as cn-shanghai.")
    workspace_id: Any = unsupported(MACHINE, "The workspace in PAI.")
    rdma: Any = unsupported(MACHINE, "Use RDMA.")
    shm_size: Any = unsupported(MACHINE, "Gigabytes of shared memory.")
    disk: Any = unsupported(MACHINE, "Disk of an instance, such as 30Gi.")
    resource_rebalancing: Any = unsupported(MACHINE, "Move instances to other machines.")
    resource_burstable: Any = unsupported(MACHINE, "Let an instance use more than it asked for, if there is more.")
    scheduling: Any = unsupported(MACHINE, "How instances are spread.")
    workload_type: Any = unsupported(MACHINE, "The kind of job, such as elasticjob.")
    cuda: Any = unsupported(CUDA, "The version of CUDA.")
    group: Any = unsupported(TRAFFIC, "The service group.")
    gateway: Any = unsupported(TRAFFIC, "The dedicated gateway.")
    enable_grpc: Any = unsupported(TRAFFIC, "Let gRPC through.")
    enable_webservice: Any = unsupported(TRAFFIC, "Serve web pages.")
    rolling_strategy: Any = unsupported(ROLLOUT, "How a new version replaces the old one: max_surge, max_unavailable.")
    release: Any = unsupported(ROLLOUT, "Create a new version beside the service of that name (blue-green).")
    type: Any = unsupported(PLATFORM, "The type of a service that is not a processor.")


class UnsupportedEasKeys(Definition):
    """
    Unsupported keys in `metadata.eas`.
    """

    scheduler: Any = unsupported(MACHINE, "Settings of the scheduler: enable_cpuset.")
    enabled_model_verification: Any = unsupported(ENGINE, "Send the warm-up requests as a test of the model.")
    handlers: Any = unsupported(ENGINE, "Settings of the handlers: disable_failure_handler.")


class UnsupportedRuntimeKeys(Definition):
    """
    Unsupported keys in `runtime`.
    """

    core_pattern: Any = unsupported(ENGINE, "Where core files go.")
    base_image: Any = unsupported(IMAGE, "The image on which others are built.", aliases=("baseimage",))
    worker_image: Any = unsupported(IMAGE, "The image of the worker.", aliases=("worker_image",))
    cuda: Any = unsupported(CUDA, "The version of CUDA.")


class UnsupportedServiceKeys(Definition):
    """
    Unsupported keys at the top.
    """

    processor_name: Any = unsupported(LABEL, "A name for the processor.")
    processor_image: Any = unsupported(IMAGE, "The image with the processor.")
    data_image: Any = unsupported(IMAGE, "The image with the processor's environment.")
    dockerAuth: Any = unsupported(IMAGE, "How to log in to the image registry.")  # noqa: N815  EAS's spelling
    oss_endpoint: Any = unsupported(ACCESS, "The endpoint of OSS.")
    role_arn: Any = unsupported(ACCESS, "The role that may read from OSS.")
    source: Any = unsupported(ACCESS, "Where the model comes from.")
    metrics: Any = unsupported(METRICS, "Declarations of the service's own metrics.")
    networking: Any = unsupported(TRAFFIC, "Gateway, its policy, and paths.")
    sinker: Any = unsupported(TRAFFIC, "Where to record requests and answers.")
    unit: Any = unsupported(TRAFFIC, "Distribution over units.")
    autoscaler: Any = unsupported(ROLLOUT, "How many instances run at what load: min, max, strategies.")
    cloud: Any = unsupported(MACHINE, "The kinds of machines: computing.")
    labels: Any = unsupported(LABEL, "Labels.")
    platform: Any = unsupported(LABEL, "The tool with which the service was made.")
    engine: Any = unsupported(LABEL, "The engine's name.")
    language_type: Any = unsupported(LABEL, "The language of the processor.")
    features: Any = unsupported(PLATFORM, "Features that are switched on.")
    confidential: Any = unsupported(PLATFORM, "Confidential computing.")
    aimaster: Any = unsupported(PLATFORM, "The AIMaster.")
    multi_models: Any = unsupported(PLATFORM, "Several models; eas-host reads models[] instead.")


class UnsupportedStorageKeys(Definition):
    """
    Unsupported keys of an entry of `storage[]`: the kinds that only the cloud has.
    """

    nfs: Any = unsupported(STORAGE, "A file system of NAS.")
    nas: Any = unsupported(STORAGE, "A file system of NAS.")
    cpfs: Any = unsupported(STORAGE, "A CPFS.")
    image: Any = unsupported(STORAGE, "An image.")
    git: Any = unsupported(STORAGE, "A repository.")
    dataset: Any = unsupported(STORAGE, "A dataset of PAI.")
    empty_dir: Any = unsupported(STORAGE, "An empty folder.")
    properties: Any = unsupported(LABEL, "What the storage is for: resource_type model or code.")


class UnsupportedOssKeys(Definition):
    """
    Unsupported keys in `storage[].oss`.
    """

    endpoint: Any = unsupported(ACCESS, "The endpoint of OSS.")
    readOnly: Any = unsupported(ACCESS, "Refuse to write.", harmless_values=(True, "true"))  # noqa: N815  EAS's spelling


class UnsupportedContainerKeys(Definition):
    """
    Unsupported keys of an entry of `containers[]`.
    """

    image: Any = unsupported(CONTAINERS, "The image to run.")
    port: Any = unsupported(CONTAINERS, "The port that it listens on.")
    env: Any = unsupported(CONTAINERS, "Environment variables, name and value.")


class UnsupportedPrepareKeys(Definition):
    """
    Unsupported keys in `containers[].prepare`.
    """

    pythonRequirementsPath: Any = unsupported(CONTAINERS, "A requirements.txt in the container.")  # noqa: N815  EAS's
