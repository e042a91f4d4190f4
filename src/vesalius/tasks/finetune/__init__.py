"""Labels of pictures: an encoder and a head learn together from a cohort of pictures or from slices of volumes."""
