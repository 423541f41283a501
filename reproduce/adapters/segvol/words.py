"""What CLIP's byte pair encoding makes of words of organs; its vocabulary (1.3 MB) is not here."""

from __future__ import annotations

from catalog.errors import InputError

BEGIN, END = 49406, 49407
BEFORE, AFTER = "a computerized tomography of a", "."
TOKENS = {
    ".": (269,),
    "a": (320,),
    "adrenal": (24204, 566),
    "and": (537,),
    "aorta": (32044, 1397),
    "artery": (40062,),
    "atrium": (29725,),
    "autochthon": (3917, 540, 8924),
    "bladder": (33593,),
    "body": (1774,),
    "bone": (6195,),
    "bowel": (36880,),
    "brain": (4812,),
    "cancer": (3148,),
    "cava": (48682,),
    "clavicula": (940, 1555, 9506),
    "colon": (29050,),
    "computerized": (11639, 704, 7690),
    "cord": (11181,),
    "covid": (622, 9284),
    "cyst": (1470, 545),
    "duodenum": (691, 78, 1177, 1008),
    "esophagus": (957, 38634, 8018),
    "eye": (3272,),
    "face": (1710,),
    "femur": (623, 18293),
    "gallbladder": (3011, 33593),
    "gland": (41441,),
    "gluteus": (5952, 600, 718),
    "head": (1375,),
    "heart": (1936,),
    "hepatic": (17724, 2647),
    "hip": (6584,),
    "humerus": (845, 1316, 718),
    "iliac": (2076, 2816),
    "iliopsoas": (2076, 676, 759, 601),
    "inferior": (16258, 2498),
    "intestine": (1598, 7098),
    "kidney": (14610,),
    "left": (1823,),
    "lesion": (534, 1015),
    "liver": (12639,),
    "lobe": (46325,),
    "lower": (4909,),
    "lung": (16271,),
    "lymph": (1251, 5306),
    "mandible": (38961, 1059),
    "maximus": (44312,),
    "medius": (1436, 718),
    "middle": (3694,),
    "minimus": (1810, 8103),
    "muscle": (9269,),
    "myocardium": (16206, 811, 2903),
    "nerve": (18571,),
    "node": (24871,),
    "nodule": (578, 691, 579),
    "of": (539,),
    "optic": (24755,),
    "organ": (13213,),
    "pancreas": (27708, 601),
    "parotid": (17429, 23727),
    "portal": (14982,),
    "postcava": (3489, 48682),
    "prostate": (28808,),
    "pulmonary": (39132,),
    "rectum": (1020, 8843),
    "rib": (18298,),
    "right": (1155,),
    "sacrum": (3632, 11233),
    "scapula": (35883, 9506),
    "skull": (12092,),
    "small": (2442,),
    "spinal": (23925,),
    "spleen": (588, 15940),
    "splenic": (18552, 1029),
    "sternum": (1022, 30534),
    "stomach": (14722,),
    "thyroid": (32558,),
    "tomography": (999, 22399),
    "trachea": (752, 39580),
    "tumor": (22616,),
    "upper": (7067,),
    "urinary": (565, 11337),
    "uterus": (39197, 718),
    "vein": (29169,),
    "vena": (47442,),
    "ventricle": (1240, 9511, 579),
    "vertebra": (35158, 5860),
    "vertebrae": (35158, 40040),
    "vessel": (16387,),
    "vessels": (22822,),
}


def tokens_of(label: str) -> list[int]:
    """Token numbers of the sentence that a label stands in. Raises `InputError` for other words.

    >>> tokens_of("Liver")
    [49406, 320, 11639, 704, 7690, 999, 22399, 539, 320, 12639, 269, 49407]
    """
    words = label.lower().split()
    if unknown := [word for word in words if word not in TOKENS] or (["nothing"] * (not words)):
        raise InputError(
            f"segvol: no tokens for {', '.join(unknown)} of the label {label!r}. Name the class by "
            f"words of {', '.join(TOKENS)} (option `labels` of most data sets), or ask with a box "
            "alone."
        )
    sentence = [*BEFORE.split(), *words, AFTER]
    return [BEGIN, *(number for word in sentence for number in TOKENS[word]), END]
