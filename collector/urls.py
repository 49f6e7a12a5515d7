"""The pages."""

from django.urls import path

from collector.views import accounts, acts, desk, drawing, fools, home, moderating, moderators, people, rounds

urlpatterns = [
    path("", home.home, name="home"),
    path("try/", drawing.try_out, name="try_out"),
    path("draw/", drawing.draw, name="draw"),
    path("drawings/", drawing.my_drawings, name="my_drawings"),
    path("drawings/<uuid:id>/", drawing.drawing, name="drawing"),
    path("drawings/<uuid:id>/appeal/", drawing.appeal, name="appeal"),
    path("drawings/<uuid:id>/seen.png", drawing.drawing_seen, name="drawing_seen"),
    path("drawings/<uuid:id>/looked.png", drawing.drawing_looked, name="drawing_looked"),
    path("moderators/", moderators.moderators, name="moderators"),
    path("gallery/", fools.gallery, name="gallery"),
    path("fools/<uuid:id>/", fools.fool, name="fool"),
    path("fools/<uuid:id>/seen.png", fools.seen, name="fool_seen"),
    path("fools/<uuid:id>/card.png", fools.card, name="fool_card"),
    path("moderate/", moderating.moderate, name="moderate"),
    path("leaderboard/", people.leaderboard, name="leaderboard"),
    path("people/", people.people, name="people"),
    path("people/<str:username>/", people.person, name="person"),
    path("rounds/", rounds.all_rounds, name="rounds"),
    path("rounds/<int:number>/", rounds.one_round, name="round"),
    path("acts/", acts.all_acts, name="acts"),
    path("desk/", desk.desk, name="desk"),
    path("accounts/sign-up/", accounts.sign_up, name="sign_up"),
    path("accounts/sign-in/", accounts.sign_in, name="sign_in"),
    path("accounts/sign-out/", accounts.sign_out, name="sign_out"),
    path("notices/", people.notices, name="notices"),
    path("account/", accounts.account, name="account"),
    path("account/export/", accounts.export, name="account_export"),
    path("accounts/password/", accounts.password_change, name="password_change"),
    path("accounts/password/done/", accounts.password_change_done, name="password_change_done"),
    path("accounts/reset/", accounts.password_reset, name="password_reset"),
    path("accounts/reset/sent/", accounts.password_reset_done, name="password_reset_done"),
    path("accounts/reset/done/", accounts.password_reset_complete, name="password_reset_complete"),
    path("accounts/reset/<uidb64>/<token>/", accounts.password_reset_confirm, name="password_reset_confirm"),
]
