from django.contrib import admin

from annotator.trust.models import (
    Adjudication,
    AnnotatorStanding,
    FinishedReview,
    KnownAnswers,
    QualificationAttempt,
    ReviewClaim,
    ReviewComment,
    TrustPolicy,
)


@admin.register(TrustPolicy)
class TrustPolicyAdmin(admin.ModelAdmin):
    list_display = ("campaign", "require_qualification", "gold_every", "overlap_max")
    list_select_related = ("campaign",)


@admin.register(KnownAnswers)
class KnownAnswersAdmin(admin.ModelAdmin):
    list_display = ("campaign_item", "tolerance", "updated_at")
    raw_id_fields = ("campaign_item",)


@admin.register(AnnotatorStanding)
class AnnotatorStandingAdmin(admin.ModelAdmin):
    list_display = ("campaign", "annotator", "state", "right", "judged", "paused_at")
    list_filter = ("state",)
    list_select_related = ("campaign", "annotator")
    raw_id_fields = ("annotator",)


@admin.register(QualificationAttempt)
class QualificationAttemptAdmin(admin.ModelAdmin):
    list_display = ("campaign", "annotator", "number", "right", "judged", "passed")
    list_select_related = ("campaign", "annotator")
    raw_id_fields = ("annotator",)


@admin.register(Adjudication)
class AdjudicationAdmin(admin.ModelAdmin):
    list_display = ("campaign_item", "sub_dimension", "level", "adjudicator", "updated_at")
    raw_id_fields = ("campaign_item", "adjudicator")


@admin.register(ReviewClaim)
class ReviewClaimAdmin(admin.ModelAdmin):
    list_display = ("campaign_item", "reviewer", "expires_at")
    list_select_related = ("campaign_item", "reviewer")
    raw_id_fields = ("campaign_item", "reviewer")


@admin.register(FinishedReview)
class FinishedReviewAdmin(admin.ModelAdmin):
    list_display = ("campaign_item", "reviewer", "decided", "changed", "finished_at")
    list_select_related = ("campaign_item", "reviewer")
    raw_id_fields = ("campaign_item", "reviewer")


@admin.register(ReviewComment)
class ReviewCommentAdmin(admin.ModelAdmin):
    list_display = ("assignment", "annotator", "author", "created_at", "read_at")
    list_select_related = ("assignment", "annotator", "author")
    raw_id_fields = ("assignment", "annotator", "author")
