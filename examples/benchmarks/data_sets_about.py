"""What the data sets are, and where to get them."""

_MINILM = "X: embedding of the text by all-MiniLM-L6-v2, 384 features of unit norm."

# One paragraph for each data set that is known by name.
ABOUT = {
    "cifar100_cnn": (
        "CIFAR-100 (Krizhevsky, 2009): colour images of 100 classes, www.cs.toronto.edu/~kriz/"
        "cifar.html. X: 128 features, the penultimate layer of a small ResNet trained on 300 of the"
        " 500 training images of each class; X_train: the other 200, new to that network; X_test:"
        " the official test images. cnn_head_weight and cnn_head_bias: the network's last layer,"
        " logits = X @ weight.T + bias. superclass_of_label: the 20 superclasses."
    ),
    "clinc150_minilm": (
        "CLINC150 (Larson et al., 2019): user requests of 150 intents, github.com/clinc/oos-eval,"
        " with its official validation part (X_val, y_val), out-of-scope requests (X_oos_train,"
        f" X_oos_val, X_oos_test) and domain_of_label. {_MINILM}"
    ),
    "digits": (
        "Optical recognition of handwritten digits: 1,797 images of 8 x 8 pixels, 10 classes; see"
        " sklearn.datasets.load_digits."
    ),
    "fashion_mnist": (
        "Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017): 70,000 images of 28 x 28 pixels, 10 kinds of"
        " clothing, official split, github.com/zalandoresearch/fashion-mnist."
    ),
    "fashion_mnist_15k": (
        "A part of Fashion-MNIST: 1,000 training and 500 test images of each class. The whole set"
        " is load_dataset('fashion_mnist')."
    ),
    "goemotions_minilm": (
        "GoEmotions (Demszky et al., 2020): comments with one or more of 28 emotions,"
        " github.com/google-research/google-research, folder goemotions. X, y: the comments with"
        " exactly one emotion; X_multilabel_* and Y_multilabel_*: the others, with the boolean"
        f" matrix of their emotions. {_MINILM}"
    ),
    "letter": (
        "Letter Recognition (Frey and Slate, 1991): 20,000 printed capital letters, 16 integer"
        " features, 26 classes, archive.ics.uci.edu."
    ),
    "movie_ldl": (
        "Movie (Geng and Hou, 2015): 7,755 films, 1,869 features. label_dist_*: the distribution"
        " of the votes over the ratings 1 to 5, y: its mode. github.com/SpriteMisaka/PyLDL."
    ),
    "news20_tfidf": (
        "20 Newsgroups, version 'bydate' with its official split; see"
        " sklearn.datasets.fetch_20newsgroups. X: TF-IDF features (CSR) of the words in vocabulary."
    ),
    "pendigits": (
        "Pen-Based Recognition of Handwritten Digits (Alpaydin and Alimoglu, 1998): 10,992 digits,"
        " 16 features, archive.ics.uci.edu. The official test part has writers of its own."
    ),
    "plants100_shape": (
        "One-hundred plant species leaves (Mallah, Cope, Orwell, 2013), view 'shape': 1,600 leaves,"
        " 64 features, archive.ics.uci.edu."
    ),
    "satimage": (
        "Statlog Landsat Satellite: 6,435 pixels with their neighbours, 36 features, 6 kinds of"
        " soil, archive.ics.uci.edu."
    ),
    "segment": (
        "Statlog Image Segmentation: 2,310 regions of 3 x 3 pixels, 19 features, 7 kinds of"
        " outdoor surface, archive.ics.uci.edu."
    ),
    "steel_faults": (
        "Steel Plates Faults: 1,941 plates, 27 features, 7 kinds of fault, archive.ics.uci.edu."
    ),
    "trec50_minilm": (
        "TREC question classification (Li and Roth, 2002): questions of 50 fine types,"
        f" cogcomp.seas.upenn.edu/Data/QA/QC. {_MINILM}"
    ),
    "vowel": (
        "Vowel Recognition (Deterding): 990 utterances, 10 features, 11 vowels, official split by"
        " speaker, archive.ics.uci.edu."
    ),
    "wall_following": (
        "Wall-Following Robot Navigation: 5,456 readings of 24 ultrasound sensors, 4 commands,"
        " archive.ics.uci.edu."
    ),
    "wine_quality": (
        "Wine Quality (Cortez et al., 2009): 6,497 wines, 11 measurements and the colour (0 red,"
        " 1 white), grades 3 to 9 as classes, archive.ics.uci.edu."
    ),
    "yeast": (
        "Yeast (Nakai, 1996): where 1,484 proteins are found in the cell, 8 features, 10 classes,"
        " archive.ics.uci.edu."
    ),
}
