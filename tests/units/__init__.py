"""Function units against float64, against integer models in plain Python, and their costs against their stages."""
