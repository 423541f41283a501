"""ZhangxinruBIT/MoME: `nnUNetPredictor` of its copy of nnU-Net on a folder as it saves one.

Without CUDA it never loads the experts' weights, which are made at random then: they are loaded
here, as it does on a GPU. With PEER_LAYOUTS names and shapes of its state dicts are written there,
and nothing is run.
"""

import gzip
import json
import os
import sys
from itertools import starmap
from pathlib import Path
from unittest.mock import MagicMock

sys.path.insert(0, str(Path("MoME_foundation").resolve()))
import scipy.ndimage

sys.modules["scipy.ndimage.interpolation"] = scipy.ndimage  # its old name

import numpy as np  # noqa: E402
import torch._dynamo  # noqa: E402 - it looks for packages that have stand-ins below
from authors import OUT, Answers, never_called  # noqa: E402

never_called("blosc2", "pandas", "nnunetv2.utilities.overlay_plots")
from made import stack_of  # noqa: E402
from nnunetv2.dynamic_network_architectures.architectures.unet import PlainConvUNet  # noqa: E402
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager  # noqa: E402
from seeded import layout, seeded  # noqa: E402

PARTS = ["gate", *(f"expert{number}" for number in range(1, 6))]
KEPT = {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None}
NAME = "resample_data_or_seg_to_shape"


def plans_of(patch, base, most, kernels, strides, down, up):
    """As nnU-Net 2.2 writes them."""
    configuration = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": patch,
        "median_image_size_in_voxels": patch,
        "spacing": [1.0, 1.0, 1.0],
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": base,
        "n_conv_per_stage_encoder": down,
        "n_conv_per_stage_decoder": up,
        "num_pool_per_axis": [len(strides) - 1] * 3,
        "pool_op_kernel_sizes": strides,
        "conv_kernel_sizes": kernels,
        "unet_max_num_features": most,
        "resampling_fn_data": NAME,
        "resampling_fn_seg": NAME,
        "resampling_fn_data_kwargs": KEPT,
        "resampling_fn_seg_kwargs": KEPT | {"is_seg": True, "order": 1},
        "resampling_fn_probabilities": NAME,
        "resampling_fn_probabilities_kwargs": KEPT | {"order": 1},
        "batch_dice": False,
    }
    of = {"max": 1, "mean": 0, "median": 0, "min": 0, "percentile_00_5": 0, "percentile_99_5": 1}
    return {
        "dataset_name": "Dataset100_Lesions",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"3d_fullres": configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": of | {"std": 1}},
    }


CUBE, ONES, TWOS = [3, 3, 3], [1, 1, 1], [2, 2, 2]
SIZES = {
    "mome": plans_of([128] * 3, 32, 320, [CUBE] * 6, [ONES, *[TWOS] * 5], [2] * 6, [2] * 5),
    "mome_scaled": plans_of(
        [16, 24, 16], 4, 6, [[1, 3, 3], CUBE, CUBE], [ONES, [1, 2, 2], TWOS], [2, 2, 2], [2, 1]
    ),
}


def network(plans, channels, classes):
    known = plans["configurations"]["3d_fullres"]
    base, most = known["UNet_base_num_features"], known["unet_max_num_features"]
    stages = len(known["conv_kernel_sizes"])
    with torch.device("meta"):
        return PlainConvUNet(
            channels,
            stages,
            [min(base * 2**stage, most) for stage in range(stages)],
            torch.nn.Conv3d,
            known["conv_kernel_sizes"],
            known["pool_op_kernel_sizes"],
            known["n_conv_per_stage_encoder"],
            classes,
            known["n_conv_per_stage_decoder"],
            conv_bias=True,
            norm_op=torch.nn.InstanceNorm3d,
            norm_op_kwargs={"eps": 1e-5, "affine": True},
            nonlin=torch.nn.LeakyReLU,
            nonlin_kwargs={"inplace": True},
            deep_supervision=True,
        )


if folder := os.environ.get("PEER_LAYOUTS"):
    for name, plans in SIZES.items():
        wide = plans["configurations"]["3d_fullres"]["UNet_base_num_features"]
        nets = {"gate": network(plans, 1 + 5 * wide, 10)}
        nets |= {part: network(plans, 1, 2) for part in PARTS[1:]}
        document = {
            "source": "ZhangxinruBIT/MoME @ 8758a8f61445dad6d8ad025874f178c810430aa3",
            "documents": {"plans.json": plans},
            "tensors": {
                f"{part}.{key}": list(held.shape)
                for part, net in nets.items()
                for key, held in net.state_dict().items()
            },
        }
        packed = gzip.compress(json.dumps(document).encode(), mtime=0)
        Path(folder, f"{name}.json.gz").write_bytes(packed)
    sys.exit()

from nnunetv2.inference import predict_from_raw_data as theirs  # noqa: E402

answers = Answers()


def predictor_of(name, mirror):
    """Six files as its trainer saves them, read by their own loader."""
    document = layout(name)
    model = OUT / name
    (model / "fold_MoME").mkdir(parents=True, exist_ok=True)
    plans = document["documents"]["plans.json"]
    labels = {"channel_names": {"0": "MR"}, "labels": {"background": 0, "lesion": 1}}
    (model / "plans.json").write_text(json.dumps(plans), "utf-8")
    (model / "dataset.json").write_text(json.dumps(labels), "utf-8")
    state = seeded(document)
    for number, part in enumerate(PARTS):
        weights = {k[len(part) + 1 :]: v for k, v in state.items() if k.startswith(f"{part}.")}
        saved = {
            "network_weights": weights,
            "init_args": {"configuration": "3d_fullres", "plans": plans},
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": (0, 1, 2),
        }
        torch.save(saved, model / f"fold_MoME/checkpoint_best{number or ''}.pth")
    # It looks for its trainer, which builds networks, by the name in the file.
    theirs.recursive_find_python_class = lambda *_: MagicMock(build_network_architecture=built)
    read = theirs.torch.load
    theirs.torch.load = lambda path, **_: read(path, weights_only=True)
    found = theirs.nnUNetPredictor(
        use_mirroring=mirror, device=torch.device("cpu"), allow_tqdm=False
    )
    found.initialize_from_trained_model_folder(str(model), "MoME", "checkpoint_best.pth")
    theirs.torch.load = read
    for number in range(1, 6):
        (weights,) = getattr(found, f"list_of_parameters{number}")
        getattr(found, f"network{number}").load_state_dict(weights)
    return found


def built(plans, dataset, configuration, channels, enable_deep_supervision, num_experts=1):
    """`nnUNetTrainer.build_network_architecture`."""
    wide = configuration.UNet_base_num_features
    channels = 1 + 5 * wide if channels > 1 else channels  # 32 of each expert are written there
    return theirs_network(plans, dataset, configuration, channels, False, num_experts)


from nnunetv2.utilities.get_network_from_plans import (  # noqa: E402
    get_network_from_plans as theirs_network,
)


def run(part, name, stack, spacing, weights, mirror=True):
    predictor = predictor_of(weights, mirror)
    values = stack_of(stack).astype(np.float32)
    manager: PlansManager = predictor.plans_manager
    configuration = predictor.configuration_manager
    properties = {"spacing": spacing}
    data, _ = configuration.preprocessor_class(verbose=False).run_case_npy(
        values[None], None, properties, manager, configuration, predictor.dataset_json
    )
    logits = predictor.predict_logits_from_preprocessed_data(torch.from_numpy(data))
    back = configuration.resampling_fn_probabilities(
        logits, values.shape, configuration.spacing, spacing
    )
    back = np.asarray(back).astype(np.float32)
    mask = theirs.convert_predicted_logits_to_segmentation_with_correct_shape(
        logits,
        manager,
        configuration,
        predictor.label_manager,
        properties,
        num_threads_torch=torch.get_num_threads(),
    )
    answers.add_stack(
        part,
        name,
        stack,
        (back[1] - back[0])[None, None],
        masks=(np.asarray(mask) == 1)[None],
        weights=[weights],
        strip="",
        spacing=spacing,
        options={"mirror": mirror},
        take="scores",
    )


WAVES = {"of": "waves", "cut": [[0, 9], [0, 30], [0, 40]]}
REAL = {"of": "brats", "cut": [[40, 54], [60, 84], [60, 84]]}
NAMED = "BraTS2021_01646.nii.gz cut to 14x24x24"
list(
    starmap(
        run,
        [
            ("small network", "waves, planes of 4 mm", WAVES, [4.0, 0.9, 0.7], "mome_scaled"),
            ("small network", "waves, no mirroring", WAVES, [1.0] * 3, "mome_scaled", False),
            ("real volume", f"{NAMED}, small network", REAL, [1.5] * 3, "mome_scaled"),
        ],
    )
)
if "PEER_SMALL" not in os.environ:
    LARGE = {"of": "brats", "cut": [[20, 84], [16, 112], [16, 112]]}
    name = "BraTS2021_01646.nii.gz, cut to 64x96x96, as 1 mm, no mirroring"
    run("one window", name, LARGE, [1.0] * 3, "mome", False)
answers.write()
