"""What MedSegX is told about a target: modality, and a path through a tree of organs.

Names and numbers of `data/datainfo.py`. A task is written as MedSegDB's folders are: `CT_Liver`.
"""

from __future__ import annotations

from dataclasses import dataclass

from catalog.errors import UsageError

MODALITIES = {
    name: number
    for number, names in enumerate(
        (
            "CBCT",
            "Colon Colonos Colonoscopy",
            "CT",
            "CTA",
            "Dermos Dermoscopy",
            "Endos Endoscope",
            "Fundus Funduscopy",
            "MRI",
            "US",
            "Xray xray",
        )
    )
    for name in names.split()
}
# Part of the body and subregion of every tissue, by the tissue's number.
ABOVE = (
    *[(0, 0)] * 3,
    *[(0, 1)] * 4,
    *[(0, 2)] * 5,
    *[(1, 3)] * 5,
    *[(1, 4)] * 8,
    *[(1, 5)] * 3,
    (2, 6),
    (2, 7),
    *[(2, 8)] * 4,
    *[(2, 9)] * 3,
    (3, 10),
    (4, 11),
)
# Targets in the order of their numbers, each line with its tissue's number.
TARGETS = (
    (0, "LeftCaudatum RightCaudatum VestibularSchwannoma BrainWholeTumor BrainCoreTumor"),
    (0, "BrainEnhancingTumor IntracranialHemorrhage IschemicStrokeLesion MultipleSclerosis"),
    (0, "WhiteMatterHyperintensity WhiteMatter GrayMatter CerebroSpinalFluid"),
    (1, "Hippocampus"),
    (2, "Pituitary"),
    (3, "OpticCup OpticDisc"),
    (4, "RightInnerEar LeftMiddleEar"),
    (5, "GTVnx"),
    (6, "Tooth Lip CavityOral BuccalMucosa"),
    (7, "Glottis PharynxCancer"),
    (8, "GTVnd"),
    (9, "GlndThyroid ThyroidNodule"),
    (10, "ParotidL"),
    (11, "GindSubmandL"),
    (12, "LeftLung RightLung LungCancer COVID GroundGlassesOpacities Consolidation"),
    (12, "PleuraEffusion LungPneumothorax"),
    (13, "Bronchus PulmonaryAirways"),
    (14, "Esophagus"),
    (15, "Heart LeftAtrium LVMyocardialEdema LVMyocardialScars LeftAtrialBloodChamber"),
    (15, "RightAtrialBloodChamber LeftVentricle RightVentricle LeftVentricularBloodChamber"),
    (15, "RightVentricularBloodChamber LeftVentricularMyocardium RightVentricularMyocardium"),
    (15, "NoReflow MyocardialInfarction MitralValve LeftVentricleEpicardium"),
    (16, "BreastCancer"),
    (17, "Liver LiverCancer"),
    (18, "GallBladder"),
    (19, "Pancreas PancreasCancer"),
    (20, "Spleen"),
    (21, "LeftKidney RightKidney KidneyTumor"),
    (22, "LeftAdrenalGland RightAdrenalGland"),
    (23, "Stomach"),
    (24, "Duodenum Colon ColonCancer Rectum Intestine Polyp Instrument"),
    (25, "Bladder"),
    (26, "Uterus"),
    (27, "Prostate ProstateCentralGland ProstatePeripheralZone ProstateTransitionalZone"),
    (27, "ProstateTumor"),
    (28, "Mandible"),
    (29, "CervicalSpine"),
    (32, "LeftCollarBone RightCollarBone CollarBone"),
    (30, "ThoracicSpine"),
    (31, "LumbarSpine"),
    (33, "Sacrum"),
    (34, "LeftHip RightHip"),
    (35, "FemurBone FemurCartilage"),
    (36, "TibiaBone TibiaCartilage"),
    (37, "RetinalVessel CarotidArteryRight CarotidVesselWall PulmonaryArtery"),
    (37, "PulmonaryEmbolism Aorta AscendingAorta TL FL FLT Postcava"),
    (38, "Skin"),
)
ORGANS = {
    name: (number, tissue)
    for number, (name, tissue) in enumerate(
        (name, tissue) for tissue, names in TARGETS for name in names.split()
    )
}


@dataclass(frozen=True, slots=True)
class Task:
    """Rows of the embeddings: of the modality, and of the tree's five levels from root to target.

    modality  row of `modal_embed`
    organs    rows of `organ_embed.0` to `.4`
    """

    modality: int
    organs: tuple[int, int, int, int, int]


def task_of(name: str) -> Task:
    """The rows of a task in the form `<modality>_<organ>`; digits at the organ's end do not count.

    Raises `UsageError` for a name that MedSegX was not trained on.

    >>> task_of("CT_Liver")
    Task(modality=2, organs=(0, 1, 4, 17, 59))
    """
    modality, _, organ = name.partition("_")
    organ = organ.replace("_", "").rstrip("0123456789")
    if modality not in MODALITIES or organ not in ORGANS:
        raise UsageError(
            f"medsegx: no task {name!r}: expected modality and organ as MedSegDB's folders name "
            f"them, for example CT_Liver; modalities: {', '.join(MODALITIES)}; organs: "
            f"{', '.join(ORGANS)}. Say it with the option `task`, or label the targets so."
        )
    number, tissue = ORGANS[organ]
    return Task(MODALITIES[modality], (0, *ABOVE[tissue], tissue, number))
