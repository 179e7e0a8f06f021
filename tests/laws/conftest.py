from hypothesis import settings

settings.register_profile("slow machines too", deadline=None)
settings.load_profile("slow machines too")
