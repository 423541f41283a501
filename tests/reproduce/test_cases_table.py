"""Which tests show the rows of *Reading and scoring* in ../shared/cases/README.md.

Nothing is tested twice here: only that each row has its tests, and that they are there.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TITLE = "## Reading and scoring"

# How the row begins -> tests as file::function below tests/reproduce ("../" leads out of it).
SHOWN: dict[str, tuple[str, ...]] = {
    "16-bit grey PNG (0-4095) as image": (
        "readers/test_reading_rules.py::test_more_than_eight_bits_need_a_window",
        "readers/test_reading_files.py::test_a_volume_of_sixteen_bits_takes_a_window",
    ),
    "masks stored 0/1": (
        "readers/test_reading_rules.py::test_two_values_are_background_and_object",
        "predictions/test_score_files.py::test_masks_of_zero_and_one_are_masks",
        "datasets/test_dataset_layouts.py::test_masks_of_zero_and_one_are_those_of_black_and_white",
    ),
    "`labels={1: whole, 2: whole}`": (
        "predictions/test_score_files.py::test_numbers_of_one_class_are_put_together",
        "datasets/test_datasets_class_maps.py"
        "::test_numbers_of_one_name_are_one_class_in_every_reader",
        "datasets/test_dicom.py::test_segments_of_one_name_are_one_class",
    ),
    "NIfTI reference with 0.9999999": (
        "readers/test_reading_files.py::test_labels_that_were_scaled",
        "readers/test_reading_rules.py::test_labels_that_are_whole_but_for_noise",
    ),
    "int16 probability map": (
        "predictions/test_score_files.py::test_probability_maps_of_every_scale",
        "predictions/test_score_files.py::test_a_scale_is_asked_for_where_nothing_tells_it",
        "readers/test_reading_rules.py::test_the_scale_of_all_maps_together",
    ),
    "2D NIfTI slice": (
        "predictions/test_score_files.py::test_a_nifti_slice_against_a_picture",
        "predictions/test_score_files.py::test_a_picture_against_a_nifti_slice",
        "readers/test_reading_files.py::test_a_slice_is_a_picture",
    ),
    "nnU-Net folder: a label file without the structure": (
        "predictions/test_score_files.py"
        "::test_a_label_file_without_the_structure_is_an_empty_reference",
        "readers/test_reading_files.py::test_a_file_without_the_structure_is_an_empty_reference",
    ),
    'nnU-Net `"labels": {"background": 0, "O": [1, 2], "H": 2}`': (
        "predictions/test_score_files.py::test_regions_of_nnunet_are_scored",
        "readers/test_reading_files.py::test_regions_and_ignored_voxels_of_dataset_json",
    ),
    'label "ignore" in dataset.json': (
        "predictions/test_score_files.py::test_an_ignored_region_is_left_out",
        "readers/test_reading_files.py::test_regions_and_ignored_voxels_of_dataset_json",
    ),
    "`score --kind probability` under `medical-sam-adapter/1`": (
        "scoring/test_score_profiles.py::test_five_thresholds_of_medical_sam_adapter",
        "scoring/test_score_profiles.py::test_every_profile_scores_with_its_defaults",
        "scoring/test_score_profiles.py::test_the_reference_filter_of_medsam",
        "scoring/test_score_profiles.py::test_sam2_unet_scores_its_grey_maps_at_256_thresholds",
    ),
    "HD95 of a structure missed in 3 of 6 cases": (
        "scoring/test_score_profiles.py::test_hd95_says_over_how_many_it_is_a_mean",
        "scoring/test_score.py"
        "::test_a_mean_says_over_how_many_it_goes_and_why_the_others_are_left_out",
    ),
    "house/1 NSD for PNG pictures": (
        "scoring/test_score_profiles.py"
        "::test_distances_of_pictures_come_from_the_command_that_is_told",
    ),
    "the same three truths": (
        "running/test_running_evaluation.py"
        "::test_the_same_truths_as_images_and_as_a_volume_give_the_same",
    ),
    "claim `n: {images: 99}`": (
        "judging/test_comparability.py::test_a_stated_number_that_differs_is_not_comparable",
    ),
    "checkpoint with `sha256: null`": (
        "judging/test_comparability.py::test_any_file_under_a_record_without_a_hash_is_not_shown",
        "judging/test_comparability.py::test_a_hash_counts_by_who_published_it",
    ),
    "claim preprocessing `samm`": (
        "../catalog/test_checks_projects.py::test_a_wrong_value_is_found_at_its_place",
        "../catalog/test_checks_projects.py::test_wrong_words_are_told_at_once_each_with_the_nearest",
        "judging/test_comparability.py::test_the_same_nonsense_on_both_sides_is_no_agreement",
    ),
    "label image mirrored": (
        "readers/test_reading_files.py::test_a_label_beside_its_image_is_refused",
        "readers/test_volume_files.py::test_a_label_beside_its_image_is_refused",
    ),
    "Dropbox address with `rlkey`": (
        "obtaining/test_checkpoints_download.py::test_addresses_are_understood",
    ),
    "`fetch` by hand with sha256 null": (
        "obtaining/test_checkpoints_download.py"
        "::test_a_file_got_by_hand_has_its_folder_where_no_hash_is_recorded",
        "obtaining/test_checkpoints_download.py::test_given_file_must_be_the_one",
    ),
    "`export --format json > f` under cp1252": (
        "../catalog/test_cli.py::test_export_into_a_file_is_utf8_whatever_the_code_page",
    ),
}


@pytest.mark.parametrize("row", SHOWN)
def test_the_tests_of_a_row_are_there(row: str) -> None:
    for name in SHOWN[row]:
        path, function = name.split("::")
        tree = ast.parse((HERE / path).read_text("utf-8"))
        found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert function in found, f"{name}: renamed? Its row is: {row}"


def test_every_row_has_its_tests(root: Path) -> None:
    """The table lies beside the clone; of a public one the list above is all there is."""
    table = root.parent / "shared" / "cases" / "README.md"
    if not table.exists():
        return
    lines = table.read_text("utf-8").partition(TITLE)[2].splitlines()
    rows = [line.removeprefix("| ") for line in lines if line.startswith("| ")][1:]
    assert len(rows) == len(SHOWN)
    for row in rows:
        assert any(row.startswith(begins) for begins in SHOWN), row
